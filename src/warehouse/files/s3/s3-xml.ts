import { DOMParser, type Element } from '@xmldom/xmldom';

/** An answer of S3 as XML; null when it is none (a proxy's page, an empty body). */
export function parseXml(body: Buffer): Element | null {
  if (body.length === 0) return null;
  try {
    const parser = new DOMParser({ onError: () => {} });
    return parser.parseFromString(body.toString(), 'text/xml').documentElement;
  } catch {
    return null;
  }
}

/** Text of the first child of that name; null when there is none. */
export function textOf(element: Element | null, name: string): string | null {
  return childrenOf(element, name)[0]?.textContent ?? null;
}

/** Direct children of that name, whatever their namespace. */
export function childrenOf(element: Element | null, name: string): Element[] {
  const found: Element[] = [];
  for (let node = element?.firstChild ?? null; node !== null; node = node.nextSibling) {
    if ((node as Element).localName === name) found.push(node as Element);
  }
  return found;
}
