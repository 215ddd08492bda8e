/** Another mail server beside which the edge is measured. */
export interface Peer {
  readonly name: string;
  readonly port: number;
  /** Milliseconds of CPU of all its processes since its start, ended ones included. */
  readonly cpuMs: () => Promise<number>;
  readonly stop: () => Promise<void>;
}
