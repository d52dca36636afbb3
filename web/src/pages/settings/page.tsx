// Settings: who may come in and do what, what delivers, whether it is well.
import type { FunctionComponent } from 'preact';
import { mayDo, useMe } from '../../api/me';
import type { Role } from '../../api/types';
import type { PageProps } from '../../routes';
import { cx, Empty, useTitle } from '../../ui/basics';
import { person } from '../../ui/format';
import { Icon, type IconName } from '../../ui/icon';
import { Agents, Health, Notifiers, Queues, Retention, Schedules, Secrets } from './machine';
import { Grants, Sessions, Users } from './people';
import { Tokens } from './tokens';

interface Tab {
	id: string;
	label: string;
	icon: IconName;
	group: string;
	body: FunctionComponent;
	least?: Role; // who may see it; everybody who may look, when not said
}
const tabs: Tab[] = [
	{ id: 'users', label: 'Users', icon: 'person', group: 'People', body: Users, least: 'admin' },
	{ id: 'roles', label: 'Roles', icon: 'flag', group: 'People', body: Grants, least: 'admin' },
	{ id: 'tokens', label: 'Tokens', icon: 'shield', group: 'People', body: Tokens },
	{ id: 'sessions', label: 'Sessions', icon: 'eye', group: 'People', body: Sessions, least: 'admin' },
	{ id: 'secrets', label: 'Secrets', icon: 'shield', group: 'Delivery', body: Secrets, least: 'admin' },
	{ id: 'notifiers', label: 'Notifiers', icon: 'flag', group: 'Delivery', body: Notifiers },
	{ id: 'agents', label: 'Agents', icon: 'environments', group: 'Delivery', body: Agents },
	{ id: 'queues', label: 'Merge queues', icon: 'superseded', group: 'Delivery', body: Queues },
	{ id: 'schedules', label: 'Schedules', icon: 'clock', group: 'Delivery', body: Schedules },
	{ id: 'retention', label: 'Retention', icon: 'settings', group: 'Installation', body: Retention },
	{ id: 'health', label: 'Health', icon: 'insights', group: 'Installation', body: Health, least: 'operator' },
];

export default function SettingsPage({ params }: PageProps) {
	const me = useMe();
	const shown = tabs.filter((t) => !t.least || mayDo(me, t.least));
	const wanted = params['tab'] ?? shown[0]?.id;
	const tab = tabs.find((t) => t.id === wanted);
	const Body = tab?.body;
	useTitle(tab ? `${tab.label}, settings` : 'Settings');
	return (
		<div class="page">
			<header class="page-head">
				<div>
					<h1>Settings</h1>
					<p class="muted">{me ? <>You are <strong>{me.name || person(me.actor)}</strong>{me.role ? `, ${me.role}` : ', without a role'}{me.groups?.length ? `, in ${me.groups.join(', ')}` : ''}</> : 'Who may come in and do what, what delivers, whether it is well'}</p>
				</div>
			</header>
			<div class="settings">
				<nav class="set-nav" aria-label="Settings">
					{['People', 'Delivery', 'Installation'].map((group) => {
						const list = shown.filter((t) => t.group === group);
						return list.length > 0 && (
							<div key={group} class="set-group">
								<h2>{group}</h2>
								<ul>{list.map((t) => <li key={t.id}><a href={`/settings/${t.id}`} class={cx('nav-item', t === tab && 'here')} aria-current={t === tab ? 'page' : undefined}><Icon name={t.icon} size={15} /><span>{t.label}</span></a></li>)}</ul>
							</div>
						);
					})}
				</nav>
				<div class="set-body">{Body ? <Body key={tab.id} /> : <Empty icon="lost" title="There are no such settings">Choose one of the list.</Empty>}</div>
			</div>
		</div>
	);
}
