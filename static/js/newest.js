// Frames can arrive late after a reconnect; only the newest state is worth showing.

export class Newest {
  #epoch = -1;
  #version = -1;

  /** True when the frame is not older than one already accepted, by epoch and then version. */
  accepts({ epoch, version }) {
    if (epoch < this.#epoch || (epoch === this.#epoch && version < this.#version)) return false;
    this.#epoch = epoch;
    this.#version = version;
    return true;
  }
}
