// A reader of server-sent events over fetch(): unlike EventSource it sees comments (the server's heartbeat), so that a connection that died
// while the machine slept is noticed, and the status, so that a session that ended leads to /login.

export interface SseEvent {
	id: string;
	event: string;
	data: string;
}

// Fed with text in pieces of any size; calls for each whole event.
export class SseParser {
	private rest = '';
	private id = '';
	private event = '';
	private data: string[] = [];
	constructor(private readonly emit: (event: SseEvent) => void) {}

	feed(text: string): void {
		this.rest += text;
		// A line may end in CR LF, whose LF comes with the next piece: then wait for it.
		for (let found; (found = /\r\n|\n|\r(?!$)/.exec(this.rest)); ) {
			const line = this.rest.slice(0, found.index);
			this.rest = this.rest.slice(found.index + found[0].length);
			this.line(line);
		}
	}

	private line(line: string): void {
		if (line === '') {
			if (this.data.length) this.emit({ id: this.id, event: this.event || 'message', data: this.data.join('\n') });
			this.event = '';
			this.data = [];
			return;
		}
		const colon = line.indexOf(':');
		if (colon === 0) return; // a comment: that we are alive was noticed by who fed us
		const field = colon < 0 ? line : line.slice(0, colon);
		const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
		if (field === 'data') this.data.push(value);
		else if (field === 'event') this.event = value;
		else if (field === 'id' && !value.includes('\0')) this.id = value;
	}
}
