// The last outcomes of one test, oldest first: a mark for each run that recorded it, above it how long it took.
import { useQuery } from '../../api/hooks';
import type { Job, TestHistory } from '../../api/types';
import { cx, Failure } from '../../ui/basics';
import { plural } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { lookOf } from '../../ui/state';
import { Ago } from '../../ui/time';
import { heights, historyPath, historyWords, markTitle, testTook } from './test_history';

export function TestHistoryView({ job, test }: { job: Job; test: string }) {
	// Only a job that ends changes it.
	const { data, problem } = useQuery<TestHistory>(historyPath(job, test), (touch) => touch.type === 'job.ended' && touch.ids.some((id) => id.endsWith(`/${job.name}`)));
	if (problem && !data) return <Failure problem={problem} />;
	if (!data) return <div class="test-history" role="status" aria-label="Loading the history"><span class="skeleton-line w2" /></div>;
	const words = historyWords(data.outcomes);
	const shown = [...data.outcomes].reverse();
	const high = heights(shown);
	const longest = Math.max(0, ...shown.map((o) => o.usec ?? 0));
	return (
		<section class="test-history" aria-label={`History of ${test}`}>
			<p class="test-history-words">
				<strong class={`tone-${words.tone}`}>{words.text}</strong>
				{words.since && <span>{words.before ? 'since before' : 'since'} <a href={`/runs/${words.since.run}`}>{words.since.run}</a>, <Ago at={words.since.at} /></span>}
				{words.trend && <span class="muted">{words.trend}</span>}
			</p>
			{shown.length > 0 && (
				<ol class="strip" aria-label="Outcomes, oldest first">
					{shown.map((o, i) => (
						<li key={o.job} class={`tone-${lookOf(o.outcome).tone}`}>
							<a href={`/runs/${o.run}?job=${encodeURIComponent(o.job)}&tab=tests&test=${encodeURIComponent(test)}`} class={cx('strip-mark', o.job === job.id && 'strip-here')} aria-current={o.job === job.id ? 'true' : undefined} title={markTitle(o)} aria-label={markTitle(o).replaceAll('\n', ', ')}>
								<span class="strip-bar" aria-hidden="true"><i style={{ height: `${Math.max(o.usec ? 6 : 0, (high[i] as number) * 100)}%` }} /></span>
								<Icon name={lookOf(o.outcome).icon} size={14} />
							</a>
						</li>
					))}
				</ol>
			)}
			<p class="muted test-history-foot">
				{shown.length > 0 && <>Oldest first; bars: how long it took, the longest {testTook(longest)}. </>}
				{data.more ? `Of the newest ${plural(shown.length, 'run')} that ran it` : shown.length ? `All ${plural(shown.length, 'run')} whose reports are kept` : 'Its job recorded no such test in the runs that are kept'}
				{data.lost ? `; the reports of ${plural(data.lost, 'run')} are not kept any more` : ''}. Jobs from the cache ran no test.
			</p>
		</section>
	);
}
