// What this release will change where it goes next, or changed where it went: images, commits, files, the plan, penstock.yml.
import type { DiffItem, ReleaseDiff } from '../../api/deliver';
import { useQuery } from '../../api/hooks';
import type { Release } from '../../api/types';
import { currentPlace, go, usePlace, withQuery } from '../../router';
import { Digest, Failure, Skeleton } from '../../ui/basics';
import { plural, shortDigest } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Segments } from '../../ui/tabs';
import { Panel } from '../shared/bits';
import { useFew } from '../shared/list';
import { CommitList } from '../shared/commits';
import { Patch } from '../shared/patch';
import { countPatch } from '../shared/patch_parse';
import { comparedWith, isOver } from './model';

const fileSign = { added: '+', changed: '~', removed: '\u2212' };

function Counts({ text }: { text: string }) {
	const n = countPatch(text);
	return <span class="patch-counts"><span class="tone-ok">+{n.added}</span> <span class="tone-bad">{'\u2212'}{n.removed}</span></span>;
}

function Item({ item, over }: { item: DiffItem; over: boolean }) {
	const plan = item.plan ?? {};
	const before = item.with === 'before';
	return (
		<section class="diff-item" aria-label={item.unit}>
			<header>
				<h3>{item.unit}</h3>
				{item.was ? (
					<span class="from-to"><span title={item.was.image}><code>{shortDigest(item.was.image)}</code></span>{item.was.release && <a class="muted" href={`/releases/${item.was.release}`}>{item.was.release}</a>}<Icon name="right" size={12} label="becomes" /><Digest value={item.image} /></span>
				) : (
					<span class="from-to"><span class="badge tone-run">{over && !before ? 'nothing of it runs there now' : 'first version there'}</span><Digest value={item.image} /></span>
				)}
				{item.same ? <span class="chip">{before ? 'the same image ran there before' : over ? 'is what runs there now' : 'nothing changes'}</span> : before && item.live && <span class="chip">is what runs there now</span>}
			</header>
			{item.commits && (item.commits.problem || (item.commits.list?.length ?? 0) > 0 || (item.commits.behind ?? 0) > 0) && (
				<details open={(item.commits.list?.length ?? 0) <= 6}>
					<summary>{plural(item.commits.ahead ?? item.commits.list?.length ?? 0, 'commit')}{item.commits.behind ? `, and ${plural(item.commits.behind, 'commit')} of what ${before ? 'ran before' : 'runs now'} are not in it` : ''}</summary>
					<CommitList commits={item.commits} />
				</details>
			)}
			{(item.files?.length ?? 0) > 0 && (
				<details>
					<summary>{plural(item.files?.length ?? 0, 'file')}{item.files_more ? ' and more' : ''} of the service</summary>
					<ul class="files">{item.files?.map((f) => <li key={f.path} class={`file-${f.change}`}><span class="file-sign" title={f.change}>{fileSign[f.change] ?? '~'}</span><code>{f.path}</code></li>)}</ul>
				</details>
			)}
			{plan.diff && (
				<details>
					<summary>Desired state <Counts text={plan.diff} /></summary>
					<Patch text={plan.diff} label={`Change of the desired state of ${item.unit}`} />
				</details>
			)}
			{plan.problem && <p class="muted">No plan: {plan.problem}</p>}
			{plan.hash && (
				<p class="plan-hash" title="What is approved is what is executed: the same hash stands in the signed decision and in the rollout">
					<Icon name="shield" size={14} />Plan <Digest value={`sha256:${plan.hash}`} label="Copy the hash of the plan" />
					{plan.rollout ? <>executed as <a href={`/rollouts/${plan.rollout}`}>{plan.rollout}</a></> : <span class="muted">as it would be executed now</span>}
				</p>
			)}
		</section>
	);
}

export function Diff({ release }: { release: Release }) {
	const now = usePlace().query.get('with') === 'now';
	const { data, problem } = useQuery<ReleaseDiff>(`/releases/${encodeURIComponent(release.id)}/diff${now ? '?with=now' : ''}`);
	const over = isOver(release);
	const replaced = data?.with === 'before' || data?.items?.some((i) => i.plan?.rollout);
	const config = data?.config;
	const few = useFew(data?.items ?? [], 4, 'services');
	return (
		<Panel title={over ? 'What it changed' : 'What will change'} note={data?.environment ? `in ${data.environment}` : null}>
			{problem && <Failure problem={problem} />}
			{!data && !problem && <Skeleton lines={4} />}
			{data && (
				<div class="stack">
					<div class="diff-with">
						<p class="muted">{comparedWith(data, over)}</p>
						{(replaced || now) && <Segments label="Compared with" value={now ? 'now' : 'before'} onChange={(v) => go(withQuery(currentPlace(), { with: v === 'now' ? 'now' : null }), { keepScroll: true })} options={[{ value: 'before', label: 'What it replaced' }, { value: 'now', label: 'What runs there now' }]} />}
					</div>
					{few.shown.map((i) => <Item key={i.unit} item={i} over={over} />)}
					{few.more}
					{config && (
						<section class="diff-item" aria-label="penstock.yml">
							<header><h3>penstock.yml</h3>{config.same ? <span class="chip">the same as before</span> : config.problem ? <span class="muted">{config.problem}</span> : <span class="badge tone-wait"><Icon name="flaky" size={13} />the way of delivery changes too</span>}</header>
							{config.diff && <details open><summary>Changed lines <Counts text={config.diff} /></summary><Patch text={config.diff} label="Change of penstock.yml" /></details>}
						</section>
					)}
				</div>
			)}
		</Panel>
	);
}
