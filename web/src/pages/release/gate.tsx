// The gate, requirement by requirement, and what people said.
import type { Release } from '../../api/types';
import { Command, cx, Digest } from '../../ui/basics';
import { person } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Ago } from '../../ui/time';
import { Panel } from '../shared/bits';
import { named } from '../way/model';
import { gateSummary, requirementName } from './model';

const looks = { ok: ['ok', 'passed', 'met'], wait: ['wait', 'waiting', 'waits'], no: ['bad', 'failed', 'not met'] } as const;

export function Gate({ release }: { release: Release }) {
	const gate = release.gate ?? {};
	const summary = gateSummary(release);
	const all = gate.requirements ?? [];
	return (
		<Panel title="Gate" tools={<span class={`badge tone-${summary.tone}`}><Icon name={{ ok: 'passed', bad: 'failed', wait: 'waiting', idle: 'blocked' }[summary.tone] as 'passed'} size={14} />{summary.text}</span>} flush>
			{all.length === 0 && <p class="panel-body muted">{release.staged_at ? 'penstock.yml requires nothing at the gate: what passed staging goes on.' : 'It is asked when the release has passed staging. Its requirements stand in penstock.yml, under gate.'}</p>}
			<ul class="gate-list">
				{all.map((r, i) => {
					const [tone, icon, word] = looks[r.state as keyof typeof looks] ?? looks.wait;
					return (
						<li key={i} class={cx('gate-row', `tone-${tone}`)}>
							<Icon name={icon} label={word} />
							<div><strong>{requirementName(r)}</strong><p>{named(r.reason ?? word).replace(/; approve with: .*/, '')}</p></div>
						</li>
					);
				})}
			</ul>
			{gate.decided_at && (
				<p class="panel-foot">
					{gate.decision === 'wait' ? 'Last looked at' : 'Decided'} <Ago at={gate.decided_at} />{gate.by && <> by {person(gate.by)}</>}
					{gate.record && <span class="gate-record">signed as <Digest value={gate.record} label="Copy the digest of the signed decision" /></span>}
				</p>
			)}
		</Panel>
	);
}

export function Approvals({ release }: { release: Release }) {
	const all = release.gate?.approvals ?? [];
	return (
		<Panel title="Approvals" note={all.length ? String(all.length) : null} flush>
			{all.length === 0 && (
				<div class="panel-body muted">
					<p>Nobody has said anything yet.</p>
					{!release.gated_at && <p class="side-command"><Command text={`penstock approve ${release.id}`} /></p>}
				</div>
			)}
			<ul class="gate-list">
				{all.map((a) => (
					<li key={a.actor} class={cx('gate-row', `tone-${a.yes ? 'ok' : 'bad'}`)}>
						<Icon name={a.yes ? 'passed' : 'failed'} label={a.yes ? 'yes' : 'no'} />
						<div>
							<strong>{person(a.actor)}</strong> <span class="muted">said {a.yes ? 'yes' : 'no'}, <Ago at={a.at} /></span>
							{a.comment && <blockquote>{a.comment}</blockquote>}
							{a.note && <p class="approval-note tone-wait"><Icon name="flaky" size={13} />{a.note}</p>}
						</div>
					</li>
				))}
			</ul>
		</Panel>
	);
}
