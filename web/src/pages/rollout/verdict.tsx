// The verdict in words and numbers: how far the proof is, how near an alarm, and the difference against what is allowed.
import type { Curves } from '../../api/deliver';
import type { Rollout } from '../../api/types';
import { count, percent, plural } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Panel } from '../shared/bits';
import { evidenceShare, evidenceText, lastDifference, latencyRows, latencyText, metricWord, points, quantileOf, ratioOf, times, type Difference, type Words } from './model';

const icons = { ok: 'passed', bad: 'failed', run: 'shield', wait: 'waiting', idle: 'unaffected' } as const;

function Evidence({ name, have, want, tone, note }: { name: string; have: number | undefined; want: number | undefined; tone: string; note: string }) {
	if (!want) return null;
	const part = evidenceShare(have, want);
	return (
		<div class="proof">
			<div class="proof-head"><span>{name}</span><span class="num"><b>{evidenceText(have)}</b> of {evidenceText(want)}</span></div>
			<div class={`proof-bar tone-${tone}`} role="meter" aria-label={name} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(part * 100)} aria-valuetext={`${evidenceText(have)} of ${evidenceText(want)}`}><span style={{ width: `${part * 100}%` }} /></div>
			<p class="muted">{note}</p>
		</div>
	);
}

// A line from "better" to "worse than allowed" with the interval on it.
function IntervalBar({ d, name, of }: { d: Difference; name: string; of: string }) {
	const reach = Math.max(d.margin * 1.5, Math.abs(d.low) * 1.1, Math.abs(d.high) * 1.1, 0.001);
	const x = (v: number) => 50 + (Math.max(-reach, Math.min(reach, v)) / reach) * 50;
	return (
		<div class="interval">
			<div class="proof-head"><span>{name}</span><span class="num"><b>{points(d.estimate)}</b> points</span></div>
			<div class="interval-bar" role="img" aria-label={`The new version's ${of} is ${points(d.estimate)} points from the old one's, 95 % interval ${points(d.low)} to ${points(d.high)}, allowed ${points(d.margin)}`}>
				<span class="interval-bad" style={{ left: `${x(d.margin)}%` }} />
				<i class="interval-zero" />
				<i class="interval-margin" style={{ left: `${x(d.margin)}%` }} />
				<span class="interval-range" style={{ left: `${x(d.low)}%`, width: `${Math.max(0.5, x(d.high) - x(d.low))}%` }} />
				<i class="interval-dot" style={{ left: `${x(d.estimate)}%` }} />
			</div>
			<div class="interval-words muted"><span>better</span><span class="num">95 %: {points(d.low)} to {points(d.high)}</span><span class="num">allowed {points(d.margin)}</span></div>
		</div>
	);
}

export function Verdict({ rollout: r, curves, words }: { rollout: Rollout; curves: Curves | undefined; words: Words }) {
	const n = r.numbers;
	const d = lastDifference(curves?.difference);
	const quantile = quantileOf(n?.metric);
	const slow = quantile && lastDifference(curves?.over_difference?.[quantile]);
	const latency = latencyRows(curves);
	const judged = n?.answer !== undefined;
	return (
		<Panel title="Verdict" {...(judged ? { note: `of this step, ${plural(n?.seconds ?? 0, 'second')} with traffic` } : {})}>
			<div class="stack" data-verdict={n?.answer ?? 'none'}>
				<div class={`verdict tone-${words.tone}`}>
					<Icon name={icons[words.tone]} size={18} />
					<div><strong>{words.title}</strong><p>{words.text}</p></div>
				</div>
				{judged && n && (
					<>
						{n.answer !== 'fail' && <Evidence name={`Proof of no harm (${metricWord(n.metric)})`} have={n.evidence} want={n.wanted} tone={n.answer === 'pass' ? 'ok' : 'run'} note={`An e-value: 1 is none, ${evidenceText(n.wanted)} passes the step. The bar is its logarithm.`} />}
						<Evidence name="Evidence of harm" have={n.answer === 'fail' ? n.evidence : n.harm_evidence} want={n.answer === 'fail' ? n.wanted : n.harm_wanted} tone={n.answer === 'fail' ? 'bad' : 'wait'} note="All traffic goes back the moment it is full." />
						{d && <IntervalBar d={d} name="Difference in errors" of="error rate" />}
						{slow && <IntervalBar d={slow} name={`Difference in slow requests (${quantile})`} of={`share of requests slower than the old ${quantile}`} />}
						<table class="sides">
							<caption class="offscreen">Requests of this step by version</caption>
							<thead><tr><th scope="col">This step</th><th scope="col" class="num">requests</th><th scope="col" class="num">failed</th><th scope="col" class="num">rate</th></tr></thead>
							<tbody>
								{([['new', n.canary_n, n.canary_errors], ['old', n.stable_n, n.stable_errors]] as const).map(([name, all, bad]) => (
									<tr key={name}><th scope="row"><i class={`swatch ${name === 'new' ? 'swatch--accent' : 'swatch--idle-solid'}`} />{name}</th><td class="num">{count(all ?? 0)}</td><td class="num">{count(bad ?? 0)}</td><td class="num">{all ? percent((bad ?? 0) / all, 2) : '\u2013'}</td></tr>
								))}
							</tbody>
						</table>
						{curves && latency.length > 0 && (
							<table class="sides">
								<caption class="offscreen">Latency by version</caption>
								<thead><tr><th scope="col">Latency</th><th scope="col" class="num" title="of its last minutes">old</th><th scope="col" class="num" title="of this step so far">new</th><th scope="col" class="num" title={`A request of the new version counts as slow from here on: the old version's, ${times(ratioOf(curves))}`}>slow from</th></tr></thead>
								<tbody>
									{latency.map((row) => <tr key={row.quantile}><th scope="row">{row.quantile}</th><td class="num">{latencyText(row.old)}</td><td class="num">{latencyText(row.now)}</td><td class="num">{latencyText(row.allowed)}</td></tr>)}
								</tbody>
							</table>
						)}
						{latency.length > 0 && <p class="muted small">Estimates to 3 %: old of its last minutes, new of this step.</p>}
					</>
				)}
			</div>
		</Panel>
	);
}
