import { Writable } from 'node:stream';
import type { BatchWriter } from './batch-writer.ts';

/**
 * A stream in object mode over a writer. It waits when the writer has no room, ends with the first row that is not taken,
 * and has finished when all that it wrote is settled. The writer stays open.
 */
export function createWritable<Row extends object>(writer: BatchWriter<Row>): Writable {
  return new Writable({
    objectMode: true,
    write(row: Row, _encoding, done) {
      let room: true | Promise<void>;
      try {
        room = writer.write(row);
      } catch (error) {
        done(error as Error);
        return;
      }
      if (room === true) done();
      else room.then(() => done(), done);
    },
    final(done) {
      writer.flush().then(() => done(), done);
    },
  });
}
