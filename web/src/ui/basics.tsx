// The small parts that every page is made of.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { problemText } from '../api/problem';
import { shortDigest } from './format';
import { Icon, type IconName } from './icon';

export function cx(...names: (string | false | null | undefined)[]): string {
	return names.filter(Boolean).join(' ');
}

// A page says what it is in the window's title.
export function useTitle(title: string): void {
	useEffect(() => {
		document.title = title ? `${title} · Penstock` : 'Penstock';
	}, [title]);
}

type ButtonProps = Omit<JSX.IntrinsicElements['button'], 'icon' | 'size'> & {
	icon?: IconName;
	kind?: 'primary' | 'danger' | 'quiet' | 'plain';
	small?: boolean;
	why?: string | undefined; // why it cannot be used now: then it is disabled, but can still be reached and read
};
export function Button({ icon, kind = 'plain', small, why, class: extra, children, onClick, ...rest }: ButtonProps) {
	return (
		<button
			type="button" {...rest} class={cx('button', `button-${kind}`, small && 'button-small', !children && 'button-icon', extra as string)}
			aria-disabled={why ? 'true' : undefined} title={why ?? rest.title} onClick={why ? (event) => event.preventDefault() : onClick}
		>
			{icon && <Icon name={icon} />}
			{children}
		</button>
	);
}

export async function copyText(text: string): Promise<boolean> {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		// Pages over plain http have no clipboard: a selection can still be copied.
		const area = document.createElement('textarea');
		area.value = text;
		area.className = 'offscreen';
		document.body.append(area);
		area.select();
		const done = document.execCommand('copy');
		area.remove();
		return done;
	}
}

export function Copy({ text, label = 'Copy' }: { text: string; label?: string }) {
	const [done, setDone] = useState(false);
	const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
	useEffect(() => () => clearTimeout(timer.current), []);
	const copy = async () => {
		setDone(await copyText(text));
		clearTimeout(timer.current);
		timer.current = setTimeout(() => setDone(false), 1500);
	};
	return (
		<button type="button" class="copy" onClick={copy} aria-label={done ? 'Copied' : label} title={done ? 'Copied' : label}>
			<Icon name={done ? 'check' : 'copy'} size={13} />
		</button>
	);
}

// A digest or a commit: short, whole on hover, and whole when copied.
export function Digest({ value, label = 'Copy the whole digest' }: { value: string | undefined; label?: string }) {
	if (!value) return null;
	return (
		<span class="digest">
			<code title={value}>{shortDigest(value)}</code>
			<Copy text={value} label={label} />
		</span>
	);
}

// A command to type, with what it needs to be copied.
export function Command({ text }: { text: string }) {
	return (
		<span class="command">
			<code tabIndex={0}>{text}</code>
			<Copy text={text} label="Copy the command" />
		</span>
	);
}

export function Key({ children }: { children: ComponentChildren }) {
	return <kbd class="key">{children}</kbd>;
}

export function Skeleton({ lines = 3, tall }: { lines?: number; tall?: boolean }) {
	return (
		<div class="skeleton" role="status" aria-label="Loading">
			{Array.from({ length: lines }, (_, i) => <div key={i} class={cx('skeleton-line', tall && 'skeleton-tall', `w${(i * 3) % 4}`)} />)}
		</div>
	);
}

// Nothing here yet: what would be here, and what to do so that it is.
export function Empty({ icon, title, children, command }: { icon: IconName; title: string; children?: ComponentChildren; command?: string }) {
	return (
		<div class="empty">
			<Icon name={icon} size={28} />
			<h2>{title}</h2>
			{children && <p>{children}</p>}
			{command && <Command text={command} />}
		</div>
	);
}

export function Failure({ problem, retry }: { problem: unknown; retry?: () => void }) {
	return (
		<div class="failure" role="alert">
			<Icon name="failed" />
			<div>
				<p>{problemText(problem)}</p>
				{retry && <Button small icon="rerun" onClick={retry}>Try again</Button>}
			</div>
		</div>
	);
}

export function Meter({ parts, label }: { parts: { tone: string; n: number }[]; label: string }) {
	const all = parts.reduce((n, p) => n + p.n, 0) || 1;
	return (
		<div class="meter" role="img" aria-label={label} title={label}>
			{parts.filter((p) => p.n > 0).map((p) => <span key={p.tone} class={`tone-${p.tone}`} style={{ flexGrow: p.n / all }} />)}
		</div>
	);
}

export interface Column<T> {
	name: string;
	cell: (row: T) => ComponentChildren;
	number?: boolean; // to the right, with figures of one width
	wide?: boolean; // takes what is left
	minor?: boolean; // left out on a narrow screen
	bare?: boolean; // needs no name beside it where rows are blocks
}
// On a narrow screen, so that nothing stands beyond the edge: "stack", each row is a block with a line for each column; "lines", the wide
// column has a line of its own, the others one below.
export function Table<T>({ columns, rows, keyOf, caption, narrow }: { columns: Column<T>[]; rows: T[]; keyOf: (row: T) => string; caption: string; narrow?: 'stack' | 'lines' }) {
	const look = (c: Column<T>) => cx(c.number && 'num', c.wide && 'wide', c.minor && 'minor');
	return (
		<div class={cx('table-wrap', narrow && `table-${narrow}`)} tabIndex={0} role="region" aria-label={caption}>
			<table>
				<caption class="offscreen">{caption}</caption>
				<thead><tr>{columns.map((c) => <th key={c.name} scope="col" class={look(c)}>{c.name}</th>)}</tr></thead>
				<tbody>{rows.map((row) => <tr key={keyOf(row)}>{columns.map((c) => <td key={c.name} class={look(c)} data-name={c.bare ? undefined : c.name}>{narrow === 'stack' ? <div>{c.cell(row)}</div> : c.cell(row)}</td>)}</tr>)}</tbody>
			</table>
		</div>
	);
}
