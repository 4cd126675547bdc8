import { ThreadWorker } from 'poolifier';
import handle from '../../dist/bench/peers/thread.js';

export default new ThreadWorker(handle);
