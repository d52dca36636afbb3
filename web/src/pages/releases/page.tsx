// All releases, newest first.
import { standing } from '../../api/standing';
import type { Release } from '../../api/types';
import { go, usePlace, withQuery } from '../../router';
import type { PageProps } from '../../routes';
import { Button, Digest, Empty, Skeleton, Table, useTitle } from '../../ui/basics';
import { person } from '../../ui/format';
import { StateBadge } from '../../ui/state';
import { Segments } from '../../ui/tabs';
import { Ago } from '../../ui/time';
import { Older, usePages } from '../shared/list';
import { gateSummary } from '../release/model';

const states = [{ value: '', label: 'All' }, { value: 'staged', label: 'At the gate' }, { value: 'promoting', label: 'Going live' }, { value: 'live', label: 'Went live' }, { value: 'rolled_back', label: 'Rolled back' }, { value: 'rejected', label: 'Rejected' }];

export default function Releases(_: PageProps) {
	const place = usePlace();
	const get = (key: string) => place.query.get(key) ?? '';
	const state = get('state');
	const text = get('q');
	const unit = get('service');
	const query = new URLSearchParams({ limit: '50' });
	if (state) query.set('state', state);
	if (text) query.set('text', text);
	if (unit) query.set('unit', unit);
	const pages = usePages<Release>(`/releases?${query}`, 'releases', (r) => r.id);
	const rows = pages.rows.filter((r) => !state || r.state === state);
	const filtered = state || text || unit;
	useTitle('Releases');
	const set = (change: Record<string, string | null>, replace = false) => go(withQuery(place, change), { replace, keepScroll: true });
	return (
		<div class="page">
			<header class="page-head"><div><h1>Releases</h1><p class="muted">What came of a push: images with evidence, on their way to production or there</p></div></header>
			<div class="filters" role="search">
				<input type="search" data-filter aria-label="Filter by subject" placeholder="Filter by subject ( / )" value={text} onInput={(e) => set({ q: e.currentTarget.value }, true)} />
				{unit && <Button kind="quiet" icon="close" onClick={() => set({ service: null })}>{unit}</Button>}
				<Segments label="State" value={state} options={states} onChange={(v) => set({ state: v })} />
			</div>
			{!pages.ready && pages.problem === undefined && <Skeleton lines={6} tall />}
			{pages.ready && rows.length === 0 && !filtered && <Empty icon="release" title="No release yet" command="git push origin main">A run whose jobs made an image ends in a release. A change that touches no service makes none.</Empty>}
			{pages.ready && rows.length === 0 && filtered && <Empty icon="filter" title="No release fits these filters"><Button kind="quiet" onClick={() => set({ state: null, q: null, service: null })}>Show all releases</Button></Empty>}
			{rows.length > 0 && (
				<div class="panel">
					<Table
						caption="Releases, newest first" rows={rows} keyOf={(r) => r.id} narrow="lines"
						columns={[
							{ name: 'State', cell: (r) => <StateBadge state={standing(r)} {...(r.state === 'staged' ? { text: gateSummary(r).text } : {})} /> },
							{ name: 'Change', wide: true, cell: (r) => <a class="list-link cut" href={`/releases/${r.id}`}>{r.change?.subject ?? r.id}<span class="muted"> {r.id}</span></a> },
							{ name: 'Services', minor: true, cell: (r) => <span class="nowrap">{(r.items ?? []).slice(0, 3).map((i) => i.unit).join(', ')}{(r.items?.length ?? 0) > 3 ? ` +${(r.items?.length ?? 0) - 3}` : ''}</span> },
							{ name: 'Author', minor: true, cell: (r) => <span class="nowrap">{person(r.change?.author ?? '')}</span> },
							{ name: 'Commit', minor: true, cell: (r) => <Digest value={r.change?.commit} label="Copy the commit" /> },
							{ name: 'Built', number: true, cell: (r) => <Ago at={r.built_at} /> },
						]}
					/>
				</div>
			)}
			<Older pages={pages} what="releases" />
		</div>
	);
}
