// Tabs whose choice stands in the address, so that a tab can be linked.
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

export interface Tab {
	id: string;
	label: string;
	note?: ComponentChildren; // a number or an icon behind the label
	body: () => ComponentChildren;
}

export function Tabs({ tabs, at, onChange, label }: { tabs: Tab[]; at: string; onChange: (id: string) => void; label: string }) {
	const base = useId();
	const tab = tabs.find((t) => t.id === at) ?? tabs[0];
	if (!tab) return null;
	const onKey = (event: KeyboardEvent) => {
		const i = tabs.indexOf(tab);
		const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[event.key];
		if (to === undefined) return;
		event.preventDefault();
		const next = tabs[(to + tabs.length) % tabs.length] as Tab;
		onChange(next.id);
		document.getElementById(`${base}-${next.id}`)?.focus();
	};
	return (
		<div class="tabs">
			<div class="tab-list" role="tablist" aria-label={label} onKeyDown={onKey}>
				{tabs.map((t) => (
					<button
						key={t.id} id={`${base}-${t.id}`} type="button" role="tab" aria-selected={t === tab} aria-controls={`${base}-panel`}
						tabIndex={t === tab ? 0 : -1} class="tab" onClick={() => onChange(t.id)}
					>
						{t.label}{t.note !== undefined && t.note !== null && <span class="tab-note">{t.note}</span>}
					</button>
				))}
			</div>
			<div role="tabpanel" id={`${base}-panel`} aria-labelledby={`${base}-${tab.id}`} tabIndex={0} class="tab-panel">{tab.body()}</div>
		</div>
	);
}

// A choice among a few, shown side by side.
export function Segments<T extends string>({ value, options, onChange, label }: { value: T; options: { value: T; label: string }[]; onChange: (value: T) => void; label: string }) {
	return (
		<div class="segments" role="group" aria-label={label}>
			{options.map((o) => (
				<button key={o.value} type="button" class="segment" aria-pressed={o.value === value} onClick={() => onChange(o.value)}>{o.label}</button>
			))}
		</div>
	);
}
