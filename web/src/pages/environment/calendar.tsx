// When releases may go there: two weeks, a row for each day.
import type { Windows } from '../../api/deliver';
import { useTick } from '../../api/hooks';
import { cx } from '../../ui/basics';
import { exact, serverNow } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { daysOf } from '../environments/model';
import { Panel } from '../shared/bits';

const dayName = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: '2-digit', month: 'short' });
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function Calendar({ windows }: { windows: Windows }) {
	useTick(60_000);
	const now = serverNow();
	const days = daysOf(windows, now);
	const rules = windows.calendars.flatMap((c) => c.windows.map((w) => ({ ...w, repo: c.repo })));
	return (
		<Panel title="Windows" note={`14 days, in ${zone}`}>
			<div class="cal">
				<div class="cal-axis" aria-hidden="true"><span /><div>{['0', '6', '12', '18', '24'].map((h, i) => <span key={h} class={cx(i === 0 && 'cal-first', i === 4 && 'cal-last')} style={{ left: `${i * 25}%` }}>{h}</span>)}</div></div>
				<ol>
					{days.map((d, i) => {
						const weekend = [0, 6].includes(new Date(d.at / 1000).getDay());
						const said = d.blocks.length ? d.blocks.map((b) => `${b.kind !== 'closed' ? 'held' : 'closed'} ${exact(b.from)} to ${b.to ? exact(b.to) : 'until lifted'}: ${b.why}`).join('; ') : 'open all day';
						return (
							<li key={d.at} class={cx('cal-day', weekend && 'cal-weekend')}>
								<span class={cx('cal-name', i === 0 && 'cal-today')}>{i === 0 ? 'Today' : dayName.format(d.at / 1000)}</span>
								<div class="cal-bar" role="img" aria-label={said}>
									{d.blocks.map((b, k) => <span key={k} class={`cal-block cal-${b.kind}`} style={{ left: `${b.left * 100}%`, width: `${b.width * 100}%` }} title={`${exact(b.from)} to ${b.to ? exact(b.to) : 'until lifted'}: ${b.why}`} />)}
									{i === 0 && <><span class="cal-past" style={{ width: `${d.past * 100}%` }} /><i class="cal-now" style={{ left: `${d.past * 100}%` }} /></>}
								</div>
							</li>
						);
					})}
				</ol>
			</div>
			<p class="cal-legend muted"><span><i class="cal-key cal-closed" />closed by a window</span><span><i class="cal-key cal-hold" />on hold</span><span><i class="cal-key cal-part" />one service on hold</span><span><i class="cal-key cal-open" />open</span></p>
			{rules.length === 0 ? <p class="muted">No windows: releases may go there at any time. They stand in penstock.yml, under gate.windows.</p> : (
				<ul class="cal-rules">{rules.map((r, i) => <li key={i}><Icon name={r.kind === 'deny' ? 'stop' : 'check'} size={13} /><code>{r.kind} {r.span}</code><span class="muted">{r.zone ?? 'UTC'}</span></li>)}</ul>
			)}
		</Panel>
	);
}
