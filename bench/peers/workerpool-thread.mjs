import workerpool from 'workerpool';
import handle from '../../dist/bench/peers/thread.js';

workerpool.worker({ handle });
