import handle from '../../dist/bench/peers/thread.js';

export default async ({ data }) => handle(data);
