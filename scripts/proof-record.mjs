const [begin, end] = ['<!-- result of npm run proof -->', '<!-- /result -->'];

/** A page of docs/proof with this result in the place of the last one; at its end where there is none yet. */
export function recorded(page, { commit, command, minutes, lines }) {
  const block = [
    begin,
    '',
    `Commit \`${commit}\`, ${minutes.toFixed(1)} minutes:`,
    '',
    '```text',
    `$ ${command}`,
    ...lines,
    '```',
    '',
    end,
  ];
  const text = block.join('\n');
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from >= 0 && to > from) return page.slice(0, from) + text + page.slice(to + end.length);
  return `${page.trimEnd()}\n\n## By npm run proof\n\n${text}\n`;
}
