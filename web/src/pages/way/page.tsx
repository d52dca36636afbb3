// The way: what is where between a push and production, and what each change waits for.
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { wayPaths } from '../../api/ahead';
import { useQuery } from '../../api/hooks';
import type { Environment, Release, Rollout, Run, Status } from '../../api/types';
import { go, usePlace, withQuery } from '../../router';
import type { PageProps } from '../../routes';
import { Button, Empty, Failure, Skeleton, useTitle } from '../../ui/basics';
import { plural } from '../../ui/format';
import { useFlip } from '../../ui/flip';
import { Segments } from '../../ui/tabs';
import { announce } from '../../ui/toast';
import { lookOf } from '../../ui/state';
import { ChangeBoard, ServiceBoard } from './board';
import { cardOf, fits, serviceLanes, sortCards, type Card, type Filter } from './model';

// Ended changes that are shown beside what is under way; the rest is one click away.
const ENDED = 12;

function merge<T extends { id: string }>(a: T[], b: T[]): T[] {
	const seen = new Set(a.map((x) => x.id));
	return [...a, ...b.filter((x) => !seen.has(x.id))];
}

function useCards(all: boolean): { cards: Card[]; environments: Environment[]; ready: boolean; problem: unknown; more: boolean } {
	const paths = wayPaths(all);
	const status = useQuery<Status>(paths.status);
	const runs = useQuery<{ runs: Run[]; next?: string }>(paths.runs);
	const releases = useQuery<{ releases: Release[] }>(paths.releases);
	const rollouts = useQuery<{ rollouts: Rollout[] }>(paths.rollouts);
	const cards = useMemo(() => {
		if (!status.data || !runs.data || !releases.data) return [];
		const facts = {
			runs: merge<Run>(status.data.runs, runs.data.runs), live: status.data.runs, releases: merge(status.data.releases, releases.data.releases),
			rollouts: merge(status.data.rollouts, rollouts.data?.rollouts ?? []), environments: status.data.environments,
		};
		return sortCards(facts.runs.map((run) => cardOf(run, facts)));
	}, [status.data, runs.data, releases.data, rollouts.data]);
	return {
		cards, environments: status.data?.environments ?? [], ready: !!status.data && !!runs.data && !!releases.data,
		problem: status.problem ?? runs.problem ?? releases.problem, more: !all && runs.data?.next !== undefined,
	};
}

// Moves are said aloud, for those who do not see the cards.
function useAnnouncedMoves(cards: Card[]): void {
	const before = useRef<Map<string, string>>(undefined);
	useEffect(() => {
		const now = new Map(cards.map((c) => [c.key, `${c.stage} ${c.state}`]));
		if (before.current?.size)
			for (const card of cards) {
				const old = before.current.get(card.key);
				if (old !== now.get(card.key)) announce(`${card.run.change?.subject ?? card.key}: ${lookOf(card.state).text}${card.stage === 'ci' ? ' in ci' : ''}`);
			}
		before.current = now;
	}, [cards]);
}

const groups = [
	{ value: '', label: 'All' },
	{ value: 'open', label: 'Under way' },
	{ value: 'waiting', label: 'Waiting' },
	{ value: 'failed', label: 'Failed' },
	{ value: 'done', label: 'Done' },
];

function Choice({ label, value, options, onChange }: { label: string; value: string; options: string[]; onChange: (value: string) => void }) {
	return (
		<select class="choice" aria-label={label} value={value} onChange={(e) => onChange(e.currentTarget.value)}>
			<option value="">{label}: all</option>
			{[...new Set([...(value ? [value] : []), ...options])].map((o) => <option key={o} value={o}>{o}</option>)}
		</select>
	);
}

export default function Way(_: PageProps) {
	const place = usePlace();
	const get = (key: string) => place.query.get(key) ?? '';
	const by = get('by') === 'service' ? 'service' : 'change';
	const all = get('all') === '1';
	const filter: Filter = { text: get('q'), service: get('service'), author: get('author'), state: get('state') };
	const { cards, environments, ready, problem, more } = useCards(all);
	const board = useRef<HTMLDivElement>(null);
	useTitle('Way');
	useFlip(board);
	useAnnouncedMoves(cards);
	// Typing replaces the entry of the history, a choice makes a new one: back undoes choices, not letters.
	const set = (change: Record<string, string | null>, replace = false) => go(withQuery(place, change), { replace, keepScroll: true });
	const services = useMemo(() => [...new Set(cards.flatMap((c) => c.units))].sort(), [cards]);
	const authors = useMemo(() => [...new Set(cards.map((c) => c.run.change?.author ?? '').filter(Boolean))].sort(), [cards]);
	const fitting = cards.filter((c) => fits(c, filter));
	const open = fitting.filter((c) => c.open);
	const ended = fitting.filter((c) => !c.open);
	const shown = all ? fitting : [...open, ...ended.slice(0, ENDED)];
	const filtered = filter.text || filter.service || filter.author || filter.state;
	return (
		<div class="page">
			<header class="page-head">
				<div>
					<h1>Way</h1>
					<p class="muted">{ready ? open.length ? `${plural(open.length, 'change')} under way, ${plural(open.filter((c) => c.stage === 'gate' || c.run.waits).length, 'decision')} to make` : 'Nothing is under way' : 'From a push to production'}</p>
				</div>
				<Segments label="A lane for each" value={by} onChange={(v) => set({ by: v === 'change' ? null : v })} options={[{ value: 'change', label: 'By change' }, { value: 'service', label: 'By service' }]} />
			</header>
			<div class="filters" role="search">
				<input type="search" data-filter aria-label="Filter" placeholder="Filter by subject, commit, branch, author ( / )" value={filter.text} onInput={(e) => set({ q: e.currentTarget.value }, true)} />
				<Choice label="Service" value={filter.service} options={services} onChange={(v) => set({ service: v })} />
				<Choice label="Author" value={filter.author} options={authors} onChange={(v) => set({ author: v })} />
				<Segments label="State" value={filter.state} onChange={(v) => set({ state: v })} options={groups} />
				{filtered && <Button kind="quiet" icon="close" onClick={() => set({ q: null, service: null, author: null, state: null })}>Clear</Button>}
			</div>
			{problem !== undefined && <Failure problem={problem} />}
			{!ready && problem === undefined && <Skeleton lines={5} tall />}
			{ready && cards.length === 0 && <Empty icon="way" title="No change has come yet" command="git push origin main">Penstock watches the repositories that it was started with (<code>penstock serve --repo PATH</code>), and of them the branches that penstock.yml names. Push a commit to one, and it appears here on its way through CI, staging and the gate to production.</Empty>}
			{ready && cards.length > 0 && shown.length === 0 && <Empty icon="filter" title="No change fits these filters">{plural(cards.length, 'change')} would be shown without them.</Empty>}
			<div ref={board} class="board-box">
				{shown.length > 0 && by === 'change' && <ChangeBoard cards={shown} />}
				{shown.length > 0 && by === 'service' && <ServiceBoard lanes={serviceLanes(shown, environments).filter((l) => !filter.service || l.unit === filter.service)} environments={environments} asked={filter.state === 'done' || filter.state === 'failed' || !!filter.text} />}
			</div>
			{!all && (ended.length > ENDED || more) && <Button kind="quiet" class="center" onClick={() => set({ all: '1' })}>Show older changes</Button>}
		</div>
	);
}
