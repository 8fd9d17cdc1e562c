/** A page of Markdown with the text of one `## ` section replaced; all others stay as they are. A section that is not there comes at the end. */
export function replaceSection(page: string, title: string, text: string): string {
  const heading = `## ${title}\n`;
  const section = `${heading}\n${text.trim()}\n`;
  const sections = page.split(/^(?=## )/m);
  const index = sections.findIndex((candidate) => candidate.startsWith(heading));
  if (index < 0) sections.push(section);
  else sections[index] = section;
  return `${sections.map((part) => part.trim()).join('\n\n')}\n`;
}
