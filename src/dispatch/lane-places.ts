// Where lanes stand: among what is ready, among what waits for a fresh thread, or stuck, as their next try is not due
// or over the rate of their key, the breaker of their handler is open, or somebody has paused them. It says what is to
// run next; which lanes there are, and what becomes of their events, is Lanes' to know.

import { invariant } from '../invariant.js';
import { Lane } from './lane.js';
import { LaneHeap } from './lane-heap.js';
import type { LaneStates } from './lane-states.js';
import type { Pause, Pauses } from './pauses.js';
import { KeyRates } from './rate-limits.js';
import { noDue, type Slot } from './ring-buffer.js';
import { type Claim, noClaim, type Stand } from './stand.js';
import { Stands } from './stands.js';
import { StuckLanes } from './stuck-lanes.js';

export abstract class LanePlaces {
  protected readonly stands: Stands;
  /** By the sequence of their heads. */
  protected readonly doubted = new LaneHeap();
  /** Delayed, gated and paused. */
  readonly stuck: StuckLanes;
  /** Handlers whose breakers are not closed. */
  readonly #shut = new Set<number>();
  readonly #pauses: Pauses;
  /** Null where no handler keeps state. */
  states: LaneStates | null = null;
  /** Null where no handler has a rate for each key. */
  keyRates: KeyRates | null = null;
  /** When what is due was last looked at. */
  protected nowMs = Number.NEGATIVE_INFINITY;

  constructor(of: { claims: readonly Claim[]; isOne: boolean; pauses: Pauses; states: LaneStates | null }) {
    this.stands = new Stands(of.claims, { isOne: of.isOne });
    this.stuck = new StuckLanes(of.claims.length);
    this.#limitKeys(of.claims);
    this.#pauses = of.pauses;
    if (of.states !== null) this.keepStates(of.states);
  }

  /** Has lanes wait for their states from here on. */
  protected keepStates(states: LaneStates): void {
    this.states = states;
    states.onWarm((lane) => this.place(lane, { isAwaited: true }));
  }

  /** Takes in what one handler more claims; gives where its events stand. */
  protected addClaim(claim: Claim): Stand {
    const claims = this.stands.byHandler.map(() => noClaim);
    const stand = this.stands.add(claim);
    this.stuck.addHandler();
    if (this.keyRates === null) this.#limitKeys([...claims, claim]);
    else this.keyRates.addHandler(claim.rateLimitPerKey ?? null);
    return stand;
  }

  #limitKeys(claims: readonly Claim[]): void {
    const limits = claims.map(({ rateLimitPerKey = null }) => rateLimitPerKey);
    if (limits.some((limit) => limit !== null)) this.keyRates = new KeyRates(limits);
  }

  /** Takes in that nothing of a lane is in memory. */
  protected abstract emptied(lane: Lane): void;

  /** Lanes that could give a run now; free lanes do not count. */
  get ready(): number {
    return this.stands.ready;
  }

  /** Events that wait in lanes that could give a run now, free lanes included. */
  get runnable(): number {
    return this.stands.runnable;
  }

  /** Where the event stands that is to run next; null when none can run. */
  get first(): Stand | null {
    this.gateFree();
    return this.stands.first;
  }

  /** The same of the events that need no order. */
  get firstFree(): Stand | null {
    this.gateFree();
    return this.stands.firstFree;
  }

  /** When time lets something run: a try is due, or within a rate. */
  get nextDueMs(): number {
    return Math.min(this.stuck.nextDueMs, this.stands.nextTryMs);
  }

  /** Whether handlers, or keys of theirs, have rates. */
  get hasRates(): boolean {
    return this.keyRates !== null || this.stands.areLimited;
  }

  /** Takes in how many tries rates allow by now. */
  refill(nowMs: number): void {
    this.stands.refill(nowMs);
  }

  /** Events that wait in lanes that could run, were it not for the rates of their handlers. */
  get spentEvents(): number {
    return this.stands.spent.reduce((sum, { waiting, free }) => sum + waiting + free.waiting, 0);
  }

  /** These lanes, each with the time at which it will run; events that need no order have lanes of their own then. */
  spentLanes(): { readonly lane: Lane; readonly dueMs: number }[] {
    return this.stands.spent.flatMap((stand) => {
      while (stand.free.head !== null) this.appendAlone(stand.free.shift());
      const lanes = [...stand.lanes.lanes].sort((a, b) => a.headSequence - b.headSequence);
      return lanes.map((lane, index) => ({ lane, dueMs: stand.nextTryMs + index * stand.everyMs }));
    });
  }

  standOf(handler: number): Stand {
    return this.stands.byHandler[handler]!;
  }

  /** The event that is to run next; null when none can run. */
  get oldest(): Slot | null {
    return this.first?.oldest ?? null;
  }

  /** The oldest event that waits for a fresh thread; null when none does. */
  get oldestDoubted(): Slot | null {
    return this.doubted.least?.head ?? null;
  }

  /** Has the oldest events of free lanes wait apart that may not start. */
  gateFree(): void {
    if (this.#shut.size === 0 && this.#pauses.isNone) return;
    for (const { free } of this.stands.all) {
      while (free.head !== null && (this.#shut.has(free.head.handler) || this.isPaused(free.head))) {
        this.appendAlone(free.shift());
      }
    }
  }

  /** Whether somebody has paused an event by hand. */
  isPaused({ handler, event }: Slot): boolean {
    return !this.#pauses.isNone && this.#pauses.holds(handler, event!.key);
  }

  /** Lets no event of a handler run, as its breaker is open. */
  shut(handler: number): void {
    this.#shut.add(handler);
    this.#placeAnew([this.standOf(handler)], (head) => head.handler === handler);
  }

  /** Lets events of a handler run again. */
  open(handler: number): void {
    this.#shut.delete(handler);
    for (const lane of this.stuck.popGated(handler)) this.place(lane);
  }

  /** Lets nothing of this start from now on, besides what is paused already. */
  pause(pause: Pause): void {
    this.#pauses.add(pause);
    const isPaused = (head: Slot): boolean => this.isPaused(head);
    this.#placeAnew(this.stands.all, isPaused);
    for (const lane of this.stuck.popGatedIf(isPaused)) this.place(lane);
  }

  /** Takes a pause back, or with null all of them. */
  resume(pause: Pause | null): void {
    if (pause === null) this.#pauses.clear();
    else this.#pauses.delete(pause);
    for (const lane of this.stuck.popPausedIf((head) => !this.isPaused(head))) this.place(lane);
  }

  /** Of the lanes that wait for a breaker, the one with the oldest head; null when there is none. */
  oldestGated(handler: number): Lane | null {
    this.gateFree();
    return this.stuck.oldestGated(handler);
  }

  /** The same to be tried now; null also where its state has to come first. */
  gatedToTry(handler: number): Lane | null {
    const lane = this.oldestGated(handler);
    if (lane === null || !this.states?.isMissing(lane)) return lane;
    this.stuck.delete(lane);
    this.#chill(lane, this.states);
    return null;
  }

  /** Gives an event of no key a lane for itself, where it can wait without the others. */
  protected appendAlone(slot: Slot): void {
    const lane = new Lane({ handler: slot.handler, key: null, state: 'held' });
    slot.lane = lane;
    lane.append(slot);
    this.place(lane);
  }

  /**
   * Finds where a lane that stands nowhere stands from now on. The state of one that may not run for a while rests, so
   * that those that may have the memory; `isAwaited`: this one's was asked for, as one of its handler is to be tried.
   */
  protected place(lane: Lane, { isAwaited = false } = {}): void {
    const { head } = lane;
    if (head === null) {
      lane.state = 'held';
      this.states?.rest(lane);
      this.emptied(lane);
    } else if (head.dueMs !== noDue) {
      this.#delay(lane, head.dueMs);
    } else if (this.keyRates !== null && this.keyRates.nextMs(lane) > this.nowMs) {
      this.#delay(lane, this.keyRates.nextMs(lane));
    } else if (this.isPaused(head)) {
      lane.state = 'paused';
      this.states?.rest(lane);
      this.stuck.pause(lane, head);
    } else if (this.#shut.size > 0 && this.#shut.has(head.handler)) {
      lane.state = 'gated';
      if (!isAwaited) this.states?.rest(lane);
      this.stuck.gate(lane, head);
    } else if (this.states?.isMissing(lane)) {
      this.#chill(lane, this.states);
    } else if (head.isDoubted) {
      lane.state = 'doubted';
      this.doubted.push(lane, head.sequence);
    } else {
      lane.state = 'ready';
      const stand = this.standOfLane(lane);
      stand.waiting += lane.waiting;
      stand.lanes.push(lane, head.sequence);
    }
  }

  #delay(lane: Lane, dueMs: number): void {
    lane.state = 'delayed';
    this.states?.rest(lane);
    this.stuck.delay(lane, dueMs);
  }

  #chill(lane: Lane, states: LaneStates): void {
    lane.state = 'cold';
    states.chill(lane);
  }

  /** Finds anew where lanes stand that were ready or doubted, and whose heads fit. */
  #placeAnew(stands: readonly Stand[], fits: (head: Slot) => boolean): void {
    const lanes = this.doubted.deleteAll(({ head }) => fits(head!));
    lanes.push(...this.takeReady(stands, ({ head }) => fits(head!)));
    for (const lane of lanes) this.place(lane);
  }

  /** Takes ready lanes out of where they stand. */
  protected takeReady(stands: readonly Stand[], isWanted: (lane: Lane) => boolean): Lane[] {
    return stands.flatMap((stand) => {
      const lanes = stand.lanes.deleteAll(isWanted);
      for (const { waiting } of lanes) stand.waiting -= waiting;
      return lanes;
    });
  }

  /** A lane has the events of one handler, or all handlers share one stand. */
  protected standOfLane(lane: Lane): Stand {
    return this.standOf(Math.max(0, lane.handler));
  }

  /** Takes a lane away from where it stands. */
  protected unplace(lane: Lane): void {
    switch (lane.state) {
      case 'ready':
        this.standOfLane(lane).waiting -= lane.waiting;
        this.standOfLane(lane).lanes.delete(lane);
        return;
      case 'delayed':
      case 'gated':
      case 'paused':
        this.stuck.delete(lane);
        return;
      case 'doubted':
        this.doubted.delete(lane);
        return;
      case 'cold':
        this.states?.leave(lane);
        return;
      case 'held':
        return;
      default:
        invariant(false, 'a lane in use is not moved');
    }
  }
}
