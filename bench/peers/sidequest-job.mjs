import { Job } from 'sidequest';
import handle from '../../dist/bench/peers/thread.js';

export class EventJob extends Job {
  run(event) {
    return { result: handle(event).result };
  }
}
