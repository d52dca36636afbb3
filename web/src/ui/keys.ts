// Keyboard shortcuts: single keys and "g" followed by one, never while somebody types.
import { useEffect, useRef } from 'preact/hooks';

export interface Shortcut {
	keys: string; // "?", "g w", "mod+k"
	label: string;
	group: string;
	act: () => void;
	hidden?: boolean;
}
const all = new Set<Shortcut>();
export const shortcuts = (): Shortcut[] => [...all];

export const isMac = /Mac|iP(hone|ad)/.test(navigator.platform);

function typing(target: EventTarget | null): boolean {
	const element = target as HTMLElement | null;
	return !!element?.closest?.('input, textarea, select, [contenteditable]');
}

let prefix = '';
let prefixAt = 0;
function onKey(event: KeyboardEvent): void {
	const mod = event.metaKey || event.ctrlKey;
	if (event.altKey || event.isComposing) return;
	if (!mod && (typing(event.target) || document.querySelector('dialog[open]'))) return;
	const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
	if (Date.now() - prefixAt > 1500) prefix = '';
	const keys = mod ? `mod+${key}` : prefix ? `${prefix} ${key}` : key;
	// The newest one first: a page's own before the frame's.
	const found = [...all].reverse().find((s) => s.keys === keys);
	prefix = '';
	if (found) {
		event.preventDefault();
		found.act();
	} else if (key === 'g' && !mod) {
		prefix = 'g';
		prefixAt = Date.now();
	}
}
export function startKeys(): void {
	document.addEventListener('keydown', onKey);
}

export function useShortcut(keys: string, label: string, group: string, act: () => void, hidden?: boolean): void {
	const latest = useRef(act);
	latest.current = act;
	useEffect(() => {
		const shortcut: Shortcut = { keys, label, group, act: () => latest.current(), ...(hidden ? { hidden } : {}) };
		all.add(shortcut);
		return () => void all.delete(shortcut);
	}, [keys, label, group, hidden]);
}
