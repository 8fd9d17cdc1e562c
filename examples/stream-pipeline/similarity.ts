import type { Article } from './article.ts';

const commonWords = new Set(
  'a all and are as at before by come for from how in is it know last more next not of off on our report say should since that the then they to was why with whole'.split(
    ' ',
  ),
);

export function wordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  // "islands" and "island" are one word: enough of a stemmer for a page of English.
  return words.filter((word) => !commonWords.has(word)).map((word) => word.replace(/(?<=\p{L}{3})s$/u, ''));
}

/** Share of the pairs of neighbouring words that two texts have in common: 1 for the same text, near it for an edited one. */
export function overlap(a: string, b: string): number {
  const [one, other] = [pairsOf(a), pairsOf(b)];
  const common = [...one].filter((pair) => other.has(pair)).length;
  return common / Math.max(1, one.size + other.size - common);
}

function pairsOf(text: string): Set<string> {
  const words = wordsOf(text);
  return new Set(words.slice(1).map((word, i) => `${words[i]} ${word}`));
}

/** Finds articles about the same things: words count the more, the fewer articles use them. */
export class ArticleIndex {
  readonly #articles = new Map<string, { article: Article; words: Set<string> }>();
  readonly #articlesWithWord = new Map<string, number>();

  add(article: Article): void {
    if (this.#articles.has(article.id)) return;
    const words = new Set(wordsOf(`${article.title} ${article.text}`));
    this.#articles.set(article.id, { article, words });
    for (const word of words) this.#articlesWithWord.set(word, (this.#articlesWithWord.get(word) ?? 0) + 1);
  }

  /** Best first; only those that have something in common with what was read. */
  likeThese(read: ReadonlySet<string>, count: number): Article[] {
    const interests = new Set([...read].flatMap((id) => [...(this.#articles.get(id)?.words ?? [])]));
    return [...this.#articles.values()]
      .filter(({ article }) => !read.has(article.id))
      .map(({ article, words }) => ({ article, score: this.#score(interests, words) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score || a.article.id.localeCompare(b.article.id))
      .slice(0, count)
      .map(({ article }) => article);
  }

  #score(interests: ReadonlySet<string>, words: ReadonlySet<string>): number {
    let score = 0;
    for (const word of words) {
      if (interests.has(word)) score += Math.log(this.#articles.size / this.#articlesWithWord.get(word)!);
    }
    return score / Math.sqrt(words.size);
  }
}
