// Whether what is shown is current: quiet when it is, plain when it is not.
import { useLink, useTick } from '../api/hooks';
import { cx } from './basics';
import { shortAge } from './format';

export function LinkState() {
	const link = useLink();
	useTick(link.state === 'live' ? null : 1000);
	const age = link.heard ? shortAge((Date.now() - link.heard) * 1000) : '';
	const text = link.state === 'live' ? 'Live' : link.state === 'connecting' ? 'Connecting' : `Reconnecting${age ? `, data from ${age === 'now' ? 'just now' : `${age} ago`}` : ''}`;
	return (
		<span class={cx('link-state', `link-${link.state}`)} role="status" title={link.state === 'live' ? 'Changes appear by themselves, as they happen' : 'The connection to Penstock is lost; it is tried again, and everything is then read anew'}>
			<span class="link-dot" aria-hidden="true" />
			{text}
		</span>
	);
}
