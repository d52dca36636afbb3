// Whether what is shown is current: quiet when it is, plain when it is not.
import { useEffect, useState } from 'preact/hooks';
import { onSlow, slowSince } from '../api/client';
import { useLink, useTick } from '../api/hooks';
import { cx } from './basics';
import { shortAge } from './format';

export function LinkState() {
	const link = useLink();
	const [slow, setSlow] = useState(slowSince);
	useEffect(() => onSlow(() => setSlow(slowSince())), []);
	const live = link.state === 'live' && slow === undefined;
	useTick(live ? null : 1000);
	const since = (ms: number) => shortAge((Date.now() - ms) * 1000);
	const age = link.heard ? since(link.heard) : '';
	const text = live ? 'Live'
		: link.state === 'broken' ? `Reconnecting${age ? `, data from ${age === 'now' ? 'just now' : `${age} ago`}` : ''}`
		: slow !== undefined ? `No answer for ${Math.round((Date.now() - slow) / 1000)} s`
		: 'Connecting';
	const about = live ? 'Changes appear by themselves, as they happen'
		: link.state === 'live' ? 'Penstock was asked and has not answered yet: it is busy, or the network is'
		: 'The connection to Penstock is lost; it is tried again, and everything is then read anew';
	return (
		<span class={cx('link-state', slow !== undefined ? 'link-broken' : `link-${link.state}`)} role="status" title={about}>
			<span class="link-dot" aria-hidden="true" />
			{text}
		</span>
	);
}
