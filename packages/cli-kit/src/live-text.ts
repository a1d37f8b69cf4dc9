/** Text that changes. */
export interface LiveText {
  /** Draws it in the place of what was shown before, as far as the terminal has room; below it, where there is no terminal. */
  readonly show: (text: string) => void;
}

/** Control sequences of ECMA-48 and, for lines that are cut instead of broken, of DEC terminals. */
const CLEAR_TO_END_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const [CUT_LINES, BREAK_LINES] = ['\u001b[?7l', '\u001b[?7h'];

export function createLiveText(stream: NodeJS.WritableStream): LiveText {
  let shownLines = 0;
  return {
    show(text) {
      // Asked each time: windows change their size.
      const { isTTY = false, rows = 0 } = stream as Partial<NodeJS.WriteStream>;
      if (!isTTY) {
        stream.write(shownLines === 0 ? text : `\n${text}`);
        shownLines = 1;
        return;
      }
      const all = text.replace(/\n$/, '').split('\n');
      // One line is the cursor's. What has left the screen at its top could not be drawn again.
      const lines = rows > 1 ? all.slice(0, rows - 1) : all;
      const back = shownLines === 0 ? '' : `\u001b[${shownLines}F`;
      const drawn = lines.map((line) => `${line}${CLEAR_TO_END_OF_LINE}\n`).join('');
      // In one piece, so that no end of the program leaves the terminal as it is in between.
      stream.write(`${back}${CUT_LINES}${drawn}${BREAK_LINES}${CLEAR_BELOW}`);
      shownLines = lines.length;
    },
  };
}
