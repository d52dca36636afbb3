// Ctrl-K: go anywhere by typing a few letters of it.
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import { useQuery } from '../api/hooks';
import { standing } from '../api/standing';
import type { Environment, Release, Run } from '../api/types';
import { go } from '../router';
import { hasPage, pages } from '../routes';
import { cx } from './basics';
import { Dialog } from './dialog';
import { shortDigest, shortRef } from './format';
import { Icon, type IconName } from './icon';
import { rank } from './rank';
import { StateIcon } from './state';

export interface Goal {
	label: string;
	note?: string;
	state?: string;
	icon?: IconName;
	href?: string;
	act?: () => void;
}
const SHOWN = 12;

export function Palette({ onClose, actions }: { onClose: () => void; actions: Goal[] }) {
	const [text, setText] = useState('');
	const [at, setAt] = useState(0);
	const list = useRef<HTMLUListElement>(null);
	const id = useId();
	const runs = useQuery<{ runs: Run[] }>('/runs?limit=100').data?.runs;
	const releases = useQuery<{ releases: Release[] }>('/releases?limit=50').data?.releases;
	const environments = useQuery<{ environments: Environment[] }>('/environments').data?.environments;
	const goals = useMemo(() => {
		const all: Goal[] = pages.filter((p) => p.nav).map((p) => ({ label: p.nav!.label, icon: p.nav!.icon, note: 'page', href: p.path }));
		all.push(...actions);
		for (const run of runs ?? [])
			all.push({ label: run.change?.subject ?? run.id, state: run.state, note: [run.id, run.change?.author, run.change?.commit && shortDigest(run.change.commit), run.change?.ref && shortRef(run.change.ref)].filter(Boolean).join(' · '), href: `/runs/${run.id}` });
		if (hasPage('/releases/:id'))
			for (const r of releases ?? []) all.push({ label: r.change?.subject ?? r.id, state: standing(r), note: [r.id, 'release', r.change?.author].filter(Boolean).join(' · '), href: `/releases/${r.id}` });
		if (hasPage('/environments/:name')) for (const e of environments ?? []) all.push({ label: e.id, icon: 'environments', note: 'environment', href: `/environments/${e.id}` });
		const services = new Set((environments ?? []).flatMap((e) => (e.live ?? []).map((l) => l.unit)));
		for (const unit of [...services].sort()) all.push({ label: unit, icon: 'release', note: 'service, on the way', href: `/way?by=service&service=${encodeURIComponent(unit)}` });
		return all;
	}, [runs, releases, environments, actions]);
	const shown = rank(goals, text, (g) => `${g.label} ${g.note ?? ''}`).slice(0, SHOWN);
	const chosen = shown[Math.min(at, shown.length - 1)];
	useEffect(() => setAt(0), [text]);
	useEffect(() => list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }), [at]);
	const take = (goal: Goal | undefined) => {
		if (!goal) return;
		onClose();
		list.current?.closest('dialog')?.close(); // now, not at the next frame: the next key is the page's
		if (goal.href) go(goal.href);
		else goal.act?.();
	};
	const onKey = (event: KeyboardEvent) => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (step) setAt((at + step + shown.length) % Math.max(1, shown.length));
		else if (event.key === 'Enter') take(chosen);
		else return;
		event.preventDefault();
	};
	return (
		<Dialog title="Go to" onClose={onClose} bare>
			<div class="palette" onKeyDown={onKey}>
				<div class="palette-input">
					<Icon name="search" />
					<input
						type="text" role="combobox" aria-expanded="true" aria-controls={id} aria-activedescendant={chosen ? `${id}-${shown.indexOf(chosen)}` : undefined}
						aria-label="Go to a page, run, release or service" placeholder="Go to a page, run, release or service" autocomplete="off" spellcheck={false} autofocus
						value={text} onInput={(e) => setText(e.currentTarget.value)}
					/>
				</div>
				<ul class="palette-list" role="listbox" id={id} aria-label="Matches" ref={list}>
					{shown.map((goal, i) => (
						<li
							key={`${goal.href ?? ''}${goal.label}${i}`} id={`${id}-${i}`} role="option" aria-selected={goal === chosen} class={cx('palette-item', goal === chosen && 'chosen')}
							onMouseMove={() => at !== i && setAt(i)} onClick={() => take(goal)}
						>
							{goal.state ? <StateIcon state={goal.state} /> : <Icon name={goal.icon ?? 'right'} />}
							<span class="palette-label">{goal.label}</span>
							<span class="palette-note">{goal.note}</span>
						</li>
					))}
				</ul>
				{shown.length === 0 && <p class="palette-none">Nothing is called that. Runs are found by subject, author, branch, commit or number.</p>}
			</div>
		</Dialog>
	);
}
