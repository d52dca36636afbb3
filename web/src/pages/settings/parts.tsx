// What the tabs of the settings share: their frame, forms that send, things that can be taken away.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Problem } from '../../api/problem';
import type { Query } from '../../api/store';
import { Button, Empty, Failure, Skeleton } from '../../ui/basics';
import { Dialog } from '../../ui/dialog';
import type { IconName } from '../../ui/icon';

// A tab: what it is about, what can be done, and its list, or why there is none.
export function Section<T>({ title, about, action, query, empty, children }: {
	title: string; about: ComponentChildren; action?: ComponentChildren; query: Query<T>; empty?: ((data: T) => ComponentChildren | false | undefined) | undefined; children: (data: T) => ComponentChildren;
}) {
	const { data, problem } = query;
	const denied = problem instanceof Problem && problem.status === 403;
	const nothing = data !== undefined && empty ? empty(data) : undefined;
	return (
		<section class="stack" aria-label={title}>
			<header class="set-head">
				<div><h2>{title}</h2><p class="muted">{about}</p></div>
				{!denied && action}
			</header>
			{denied ? <Empty icon="shield" title="This takes another role">{problem.message.replace(/\.?$/, '.')} An administrator gives roles, under Roles.</Empty> : problem !== undefined && <Failure problem={problem} />}
			{data === undefined && problem === undefined && <Skeleton lines={4} />}
			{!denied && data !== undefined && (nothing ? <div class="panel">{nothing}</div> : children(data))}
		</section>
	);
}
export const nothing = (icon: IconName, title: string, text: ComponentChildren, command?: string) => <Empty icon={icon} title={title} {...(command ? { command } : {})}>{text}</Empty>;

// A dialog that sends. act says what is wrong by throwing.
export function Form({ title, yes, why, act, onClose, children }: { title: string; yes: string; why?: string | undefined; act: () => Promise<unknown>; onClose: () => void; children: ComponentChildren }) {
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<unknown>();
	const submit = async (event: Event) => {
		event.preventDefault();
		if (busy || why) return;
		setBusy(true);
		setProblem(undefined);
		try {
			await act();
		} catch (failure) {
			setProblem(failure);
			setBusy(false);
		}
	};
	return (
		<Dialog title={title} onClose={onClose}>
			<form class="form" onSubmit={submit}>
				{children}
				{problem !== undefined && <Failure problem={problem} />}
				<footer class="dialog-foot">
					<Button onClick={onClose}>Leave it</Button>
					<Button type="submit" kind="primary" why={busy ? 'It is being done' : why}>{yes}</Button>
				</footer>
			</form>
		</Dialog>
	);
}

export function Field({ label, note, value, onInput, placeholder, readOnly, autofocus }: { label: string; note?: string; value: string; onInput: (value: string) => void; placeholder?: string; readOnly?: boolean; autofocus?: boolean }) {
	return (
		<label class="field">
			<span>{label}</span>
			<input type="text" autocomplete="off" spellcheck={false} autocapitalize="off" maxLength={200} value={value} placeholder={placeholder ?? ''} readOnly={readOnly ?? false} autofocus={autofocus ?? false} onInput={(e) => onInput(e.currentTarget.value)} />
			{note && <small class="muted">{note}</small>}
		</label>
	);
}
export function Pick<T extends string>({ label, note, value, options, onChange }: { label: string; note?: string; value: T; options: { value: T; label: string }[]; onChange: (value: T) => void }) {
	return (
		<label class="field">
			<span>{label}</span>
			<select value={value} onChange={(e) => onChange(e.currentTarget.value as T)}>{options.map((o) => <option key={o.value} value={o.value}>{o.label}</option>)}</select>
			{note && <small class="muted">{note}</small>}
		</label>
	);
}
export function Chips({ list }: { list: string[] }) {
	return <span class="chips">{list.map((text) => <span key={text} class="chip">{text}</span>)}</span>;
}
export const words = (text: string): string[] => text.split(/[,\s]+/).filter(Boolean);

export const ROLES = [
	{ value: 'viewer', label: 'viewer: looks' },
	{ value: 'developer', label: 'developer: starts and stops runs' },
	{ value: 'approver', label: 'approver: says yes or no at the gate' },
	{ value: 'operator', label: 'operator: rollouts, rollbacks, pins, holds' },
	{ value: 'admin', label: 'admin: says who may do what' },
] as const;
