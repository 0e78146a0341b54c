const end = '<!-- /result -->';

/**
 * A page of docs/proof with this result in the place of the last one; at its end where there is none yet. `suite`: of a page that has
 * results of several, all but the one that it is called after.
 */
export function recorded(page, { commit, command, minutes, lines }, suite) {
  const of = suite === undefined ? '' : `: ${suite}`;
  const begin = `<!-- result of npm run proof${of} -->`;
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
  const from = page.indexOf(begin);
  const to = page.indexOf(end, Math.max(from, 0));
  if (from >= 0 && to > from) return page.slice(0, from) + text + page.slice(to + end.length);
  return `${page.trimEnd()}\n\n## By npm run proof${of}\n\n${text}\n`;
}
