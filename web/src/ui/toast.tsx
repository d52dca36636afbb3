// Short messages that need no answer, and the live region that says changes to those who do not see them.
import { useEffect, useState } from 'preact/hooks';
import { problemText } from '../api/problem';
import { Button } from './basics';
import { Icon } from './icon';

interface Toast {
	id: number;
	text: string;
	bad: boolean;
}
let toasts: Toast[] = [];
let next = 1;
const watchers = new Set<() => void>();
const changed = () => watchers.forEach((fn) => fn());

function add(text: string, bad: boolean): void {
	const toast = { id: next++, text, bad };
	toasts = [...toasts.filter((t) => t.text !== text), toast].slice(-3);
	changed();
	if (!bad) setTimeout(() => drop(toast.id), 5_000); // what went wrong stays until it was read
}
function drop(id: number): void {
	toasts = toasts.filter((t) => t.id !== id);
	changed();
}
export const toast = (text: string): void => add(text, false);
export const toastProblem = (problem: unknown): void => add(problemText(problem), true);

let said = '';
// For screen readers: what changed by itself. The last one wins: a burst must not be read for a minute.
export function announce(text: string): void {
	said = text;
	changed();
}

export function Toasts() {
	const [, render] = useState(0);
	useEffect(() => {
		const fn = () => render((n) => n + 1);
		watchers.add(fn);
		return () => void watchers.delete(fn);
	}, []);
	return (
		<>
			<div class="offscreen" role="status" aria-live="polite">{said}</div>
			<div class="toasts">
				{toasts.map((t) => (
					<div key={t.id} class="toast" role={t.bad ? 'alert' : 'status'}>
						<span class={t.bad ? 'tone-bad' : 'tone-ok'}><Icon name={t.bad ? 'failed' : 'passed'} label={t.bad ? 'Problem' : 'Done'} /></span>
						<span class="toast-text">{t.text}</span>
						<Button kind="quiet" small icon="close" aria-label="Dismiss" onClick={() => drop(t.id)} />
					</div>
				))}
			</div>
		</>
	);
}
