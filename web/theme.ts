export type Theme = 'system' | 'light' | 'dark';

const key = 'sluice-theme';

export function savedTheme(): Theme {
  const saved = localStorage.getItem(key);
  return saved === 'light' || saved === 'dark' ? saved : 'system';
}

export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  localStorage.setItem(key, theme);
  window.dispatchEvent(new Event('themechange'));
}

/** A colour of the style sheet, as it is at this moment: `rgb(11, 127, 166)`. */
export function colorOf(name: string): string {
  // The property itself holds both colours; only an element that uses it has one of them.
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  document.documentElement.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** The same colour, hardly there. */
export function faint(color: string): string {
  return color.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.12)');
}

/** Calls back when the colours have changed, by a person or by the system; gives what ends that. */
export function onThemeChange(callback: () => void): () => void {
  const media = matchMedia('(prefers-color-scheme: dark)');
  media.addEventListener('change', callback);
  window.addEventListener('themechange', callback);
  return () => {
    media.removeEventListener('change', callback);
    window.removeEventListener('themechange', callback);
  };
}
