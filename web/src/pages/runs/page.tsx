// All runs, newest first.
import { useState } from 'preact/hooks';
import { read } from '../../api/client';
import { useQuery } from '../../api/hooks';
import type { Run } from '../../api/types';
import { go, usePlace, withQuery } from '../../router';
import type { PageProps } from '../../routes';
import { Button, Digest, Empty, Failure, Skeleton, Table, useTitle } from '../../ui/basics';
import { person, plural, shortRef } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { StateBadge } from '../../ui/state';
import { Segments } from '../../ui/tabs';
import { Ago, Took } from '../../ui/time';

interface RunList {
	runs: Run[];
	next?: string;
}
const LIMIT = 50;
const states = [{ value: '', label: 'All' }, { value: 'running', label: 'Running' }, { value: 'failed', label: 'Failed' }, { value: 'passed', label: 'Passed' }];

export default function Runs(_: PageProps) {
	const place = usePlace();
	const state = place.query.get('state') ?? '';
	const text = place.query.get('q') ?? '';
	const path = `/runs?limit=${LIMIT}${state ? `&state=${state}` : ''}`;
	const { data, problem } = useQuery<RunList>(path);
	const [more, setMore] = useState<{ path: string; runs: Run[]; next?: string | undefined }>();
	const [failure, setFailure] = useState<unknown>();
	useTitle('Runs');
	const older = more?.path === path ? more : undefined;
	const seen = new Set((data?.runs ?? []).map((r) => r.id));
	const all = [...(data?.runs ?? []), ...(older?.runs ?? []).filter((r) => !seen.has(r.id))];
	const words = text.toLowerCase().split(/\s+/).filter(Boolean);
	const rows = all.filter((r) => (!state || r.state === state) && words.every((w) => [r.id, r.change?.subject, r.change?.author, r.change?.commit, r.change?.ref].join(' ').toLowerCase().includes(w)));
	const next = older ? older.next : data?.next;
	const loadMore = async () => {
		try {
			const answer = await read<RunList>(`${path}&cursor=${encodeURIComponent(next ?? '')}`);
			setMore({ path, runs: [...(older?.runs ?? []), ...(answer.data?.runs ?? [])], next: answer.data?.next });
		} catch (reason) {
			setFailure(reason);
		}
	};
	return (
		<div class="page">
			<header class="page-head"><div><h1>Runs</h1><p class="muted">All jobs and decisions of one change, newest first</p></div></header>
			<div class="filters" role="search">
				<input type="search" data-filter aria-label="Filter" placeholder="Filter by subject, author, commit, branch ( / )" value={text} onInput={(e) => go(withQuery(place, { q: e.currentTarget.value }), { replace: true, keepScroll: true })} />
				<Segments label="State" value={state} options={states} onChange={(v) => go(withQuery(place, { state: v }), { keepScroll: true })} />
			</div>
			{problem && <Failure problem={problem} />}
			{failure !== undefined && <Failure problem={failure} />}
			{!data && !problem && <Skeleton lines={6} tall />}
			{data && all.length === 0 && <Empty icon="runs" title={state ? `No run is ${state}` : 'No run yet'} command="git push origin main">A push to a branch that penstock.yml names begins one.</Empty>}
			{all.length > 0 && rows.length === 0 && <Empty icon="filter" title="No run fits the filter">{plural(all.length, 'run')} were looked at.</Empty>}
			{rows.length > 0 && (
				<div class="panel">
					<Table
						caption="Runs, newest first" rows={rows} keyOf={(r) => r.id} narrow="lines"
						columns={[
							{ name: 'State', cell: (r) => <StateBadge state={r.state} /> },
							{ name: 'Change', wide: true, cell: (r) => <a class="row-link cut block" href={`/runs/${r.id}`}>{r.change?.subject ?? r.id}<span class="muted"> {r.id}</span></a> },
							{ name: 'Author', minor: true, cell: (r) => <span class="nowrap">{person(r.change?.author ?? '')}</span> },
							{ name: 'Branch', minor: true, cell: (r) => r.change?.ref && <span class="chip"><Icon name="branch" size={12} />{shortRef(r.change.ref)}</span> },
							{ name: 'Commit', minor: true, cell: (r) => <Digest value={r.change?.commit} label="Copy the commit" /> },
							{ name: 'Took', number: true, minor: true, cell: (r) => <Took from={r.created_at} to={r.ended_at} /> },
							{ name: 'Begun', number: true, cell: (r) => <Ago at={r.created_at} /> },
						]}
					/>
				</div>
			)}
			{next && <Button kind="quiet" class="center" onClick={() => void loadMore()}>Show older runs</Button>}
		</div>
	);
}
