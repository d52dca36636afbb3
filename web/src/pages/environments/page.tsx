// Services by environments: what runs where, since when, what differs, what is stopped and by whom.
import { useState } from 'preact/hooks';
import type { Drift, Windows } from '../../api/deliver';
import { useQuery } from '../../api/hooks';
import { useMe, whyNot } from '../../api/me';
import type { Environment, Rollout } from '../../api/types';
import { go, usePlace, withQuery } from '../../router';
import type { PageProps } from '../../routes';
import { Button, cx, Empty, Failure, Skeleton, useTitle } from '../../ui/basics';
import { plural, serverNow, shortDigest } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { StateIcon } from '../../ui/state';
import { Segments } from '../../ui/tabs';
import { Ago } from '../../ui/time';
import { share } from '../rollout/model';
import { markIcon, marksOf, markText, markTone, PlaceMark, type MarkOf } from '../shared/marks';
import { Compare } from './compare';
import { byStage, matrix, windowNow, type Cell } from './model';

export function MarkIcon({ of }: { of: MarkOf }) {
	return <span class={`mark-icon tone-${markTone[of.kind]}`} title={markText(of)}><Icon name={markIcon[of.kind]} size={14} label={markText(of)} /></span>;
}

function CellView({ cell, env, last }: { cell: Cell; env: Environment; last: string }) {
	const { live, moving } = cell;
	return (
		<td class={cx('env-cell', cell.differs && 'env-differs')} data-name={env.id}>
			{live ? (
				<div class="env-version">
					<code title={live.image}>{shortDigest(live.image)}</code>
					{live.release && <a href={`/releases/${live.release}`}>{live.release}</a>}
					<span class="muted"><Ago at={live.since} short /></span>
				</div>
			) : <span class="muted">not there</span>}
			<div class="env-signs">
				{cell.differs && <span class="sign" title={`${last} runs another version`}><Icon name="right" size={12} />not in {last} yet</span>}
				{moving && <a class="sign tone-run" href={`/rollouts/${moving.id}`}><StateIcon state={moving.state} size={13} />{shortDigest(moving.image)} at {share(moving.confirmed ?? 0)}</a>}
				{cell.drift && !moving && <span class="sign tone-wait" title={`Desired in Git: ${cell.drift.desired ?? 'nothing'}`}><Icon name="flaky" size={13} />drift</span>}
				{cell.marks.filter((m) => m.kind !== 'veto').map((m) => <MarkIcon key={m.mark.id} of={m} />)}
				{cell.marks.some((m) => m.kind === 'veto') && <a class="sign tone-bad" href={`/environments/${env.id}#marks`} title={cell.marks.filter((m) => m.kind === 'veto').map(markText).join('\n')}><Icon name="cancelled" size={13} />{plural(cell.marks.filter((m) => m.kind === 'veto').length, 'veto', 'vetoes')}</a>}
			</div>
		</td>
	);
}

function Head({ env, onHold }: { env: Environment; onHold: () => void }) {
	const me = useMe();
	const { data: windows } = useQuery<Windows>(`/environments/${encodeURIComponent(env.id)}/windows`);
	const now = windowNow(windows, serverNow());
	const held = marksOf(env).find((m) => m.kind === 'hold' && !m.mark.unit);
	return (
		<th scope="col" class="env-head">
			<div><a href={`/environments/${env.id}`}>{env.id}</a><Button small kind="quiet" icon="hold" why={whyNot(me, 'operator', env.id)} aria-label={`Hold ${env.id}`} title={`Hold ${env.id}: nothing moves there`} onClick={onHold} /></div>
			<div class="env-head-signs">
				{env.active && <a class="sign tone-run" href={`/releases/${env.active}`}><Icon name="running" size={12} />{env.active}</a>}
				{(env.queue?.length ?? 0) > 0 && <span class="sign">{env.queue?.length} waiting</span>}
				{held && <span class="sign tone-wait" title={markText(held)}><Icon name="hold" size={12} />on hold</span>}
				{now?.closed && <span class="sign tone-wait" title={now.why}><Icon name="clock" size={12} />closed, opens <Ago at={now.until} /></span>}
				{now && !now.closed && now.until && <span class="sign"><Icon name="clock" size={12} />closes <Ago at={now.until} /></span>}
				{!env.active && !held && !now?.until && env.stage !== env.id && <span class="muted">{env.stage}</span>}
			</div>
		</th>
	);
}

export default function Environments(_: PageProps) {
	const place = usePlace();
	const { data, problem } = useQuery<{ environments: Environment[] }>('/environments');
	const list = byStage(data?.environments ?? []);
	const rollouts = useQuery<{ rollouts: Rollout[] }>('/rollouts?limit=100').data?.rollouts ?? [];
	// At most four are looked at for drift: the first two and the last two of the way.
	const asked = list.length <= 4 ? list : [...list.slice(0, 2), ...list.slice(-2)];
	const path = (i: number) => (asked[i] ? `/environments/${encodeURIComponent(asked[i].id)}/drift` : null);
	const found = [useQuery<Drift>(path(0)), useQuery<Drift>(path(1)), useQuery<Drift>(path(2)), useQuery<Drift>(path(3))];
	const drifts: Record<string, Drift | undefined> = Object.fromEntries(asked.map((e, i) => [e.id, found[i]?.data]));
	const [hold, setHold] = useState<Environment | null>(null);
	useTitle('Environments');
	const view = place.query.get('view') === 'compare' && list.length > 1 ? 'compare' : 'matrix';
	const text = (place.query.get('q') ?? '').toLowerCase();
	const rows = matrix(list, marksOf, drifts, rollouts).filter((r) => r.unit.toLowerCase().includes(text));
	const last = list[list.length - 1]?.id ?? '';
	const set = (change: Record<string, string | null>, replace = false) => go(withQuery(place, change), { replace, keepScroll: true });
	const differ = rows.filter((r) => r.cells.some((c) => c.differs)).length;
	return (
		<div class="page">
			<header class="page-head">
				<div>
					<h1>Environments</h1>
					<p class="muted">{data ? `${plural(rows.length, 'service')} in ${plural(list.length, 'environment')}${differ ? `, ${plural(differ, 'service')} with versions that ${last} has not` : ''}` : 'What runs where'}</p>
				</div>
				{list.length > 1 && <Segments label="View" value={view} onChange={(v) => set({ view: v === 'matrix' ? null : v })} options={[{ value: 'matrix', label: 'Matrix' }, { value: 'compare', label: 'Compare two' }]} />}
			</header>
			{problem && <Failure problem={problem} />}
			{!data && !problem && <Skeleton lines={6} tall />}
			{data && list.length === 0 && <Empty icon="environments" title="No environment yet" command="git push origin main">penstock.yml names them, under environments. They appear with the first push.</Empty>}
			{view === 'compare' && <Compare list={list} a={place.query.get('a') ?? list[0]?.id ?? ''} b={place.query.get('b') ?? last} onChange={(a, b) => set({ a, b })} />}
			{view === 'matrix' && list.length > 0 && (
				<>
					<div class="filters" role="search"><input type="search" data-filter aria-label="Filter services" placeholder="Filter services ( / )" value={place.query.get('q') ?? ''} onInput={(e) => set({ q: e.currentTarget.value }, true)} /></div>
					<div class="panel table-wrap" tabIndex={0} role="region" aria-label="Services by environments">
						<table class="env-matrix">
							<caption class="offscreen">Services by environments, with the live version of each</caption>
							<thead><tr><th scope="col">Service</th>{list.map((e) => <Head key={e.id} env={e} onHold={() => setHold(e)} />)}</tr></thead>
							<tbody>
								{rows.map((r) => (
									<tr key={r.unit}>
										<th scope="row"><a href={`/environments/${last}?service=${encodeURIComponent(r.unit)}`}>{r.unit}</a></th>
										{r.cells.map((c, i) => <CellView key={list[i]?.id} cell={c} env={list[i] as Environment} last={last} />)}
									</tr>
								))}
							</tbody>
						</table>
					</div>
					{rows.length === 0 && <Empty icon="filter" title={text ? 'No service is called that' : 'Nothing runs anywhere yet'}>{text ? 'The filter looks at names of services.' : 'A service appears with its first rollout.'}</Empty>}
				</>
			)}
			{hold && <PlaceMark place={{ kind: 'hold', environment: hold.id, units: (hold.live ?? []).map((l) => l.unit).sort() }} onClose={() => setHold(null)} />}
		</div>
	);
}
