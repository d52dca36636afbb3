// When a mark ends. Pure.
export const ends = [
	{ value: '1h', label: '1 hour' },
	{ value: '4h', label: '4 hours' },
	{ value: '1d', label: '1 day' },
	{ value: '7d', label: '1 week' },
	{ value: 'at', label: 'at a time' },
	{ value: '', label: 'until lifted' },
];

export interface End {
	for?: string;
	until?: string;
}
// What the API takes for a choice; a text: what is wrong with it. `at` is the local time of an <input type=datetime-local>.
export function endOf(choice: string, at: string, now: number): End | string {
	if (choice === '') return {};
	if (choice !== 'at') return { for: choice };
	const time = new Date(at).getTime();
	if (Number.isNaN(time)) return 'Say at what time it ends';
	if (time <= now) return 'This time is over';
	return { until: new Date(time).toISOString().replace(/\.\d+Z$/, 'Z') };
}
