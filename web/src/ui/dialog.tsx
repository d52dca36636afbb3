// Dialogs are the browser's own <dialog>: it keeps the focus inside, ends at Escape, and gives the focus back.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { Button, cx, Failure } from './basics';

export function Dialog({ title, onClose, children, wide, bare }: { title: string; onClose: () => void; children: ComponentChildren; wide?: boolean; bare?: boolean }) {
	const ref = useRef<HTMLDialogElement>(null);
	const id = useId();
	useEffect(() => {
		const dialog = ref.current;
		dialog?.showModal();
		return () => dialog?.close();
	}, []);
	return (
		<dialog
			ref={ref} class={cx('dialog', wide && 'dialog-wide', bare && 'dialog-bare')} aria-labelledby={id} onClose={() => ref.current && onClose()}
			onMouseDown={(event) => event.target === ref.current && ref.current?.close()}
		>
			<div class="dialog-body">
				<header class={bare ? 'offscreen' : 'dialog-head'}>
					<h2 id={id}>{title}</h2>
					{!bare && <Button kind="quiet" icon="close" aria-label="Close" onClick={() => ref.current?.close()} />}
				</header>
				{children}
			</div>
		</dialog>
	);
}

export interface Ask {
	title: string;
	text: ComponentChildren;
	yes: string;
	danger?: boolean;
	typed?: string; // what must be typed first: for what cannot be taken back, or is in production
	comment?: string; // the label of a text to send along
	needsComment?: boolean;
	act: (comment: string) => Promise<unknown>;
	onClose: () => void;
}
export function Confirm({ title, text, yes, danger, typed, comment, needsComment, act, onClose }: Ask) {
	const [word, setWord] = useState('');
	const [note, setNote] = useState('');
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<unknown>();
	const why = busy ? 'It is being done' : typed && word !== typed ? `Type ${typed} first` : needsComment && !note.trim() ? 'Say why first' : undefined;
	const submit = async (event: Event) => {
		event.preventDefault();
		if (why) return;
		setBusy(true);
		setProblem(undefined);
		try {
			await act(note.trim());
			onClose();
		} catch (failure) {
			setProblem(failure);
			setBusy(false);
		}
	};
	return (
		<Dialog title={title} onClose={onClose}>
			<form onSubmit={submit} class="form">
				<div class="dialog-text">{text}</div>
				{comment && (
					<label class="field">
						<span>{comment}</span>
						<textarea rows={2} maxLength={4000} value={note} onInput={(e) => setNote(e.currentTarget.value)} />
					</label>
				)}
				{typed && (
					<label class="field">
						<span>Type <code>{typed}</code> to confirm</span>
						<input type="text" autocomplete="off" spellcheck={false} value={word} onInput={(e) => setWord(e.currentTarget.value)} />
					</label>
				)}
				{problem !== undefined && <Failure problem={problem} />}
				<footer class="dialog-foot">
					<Button onClick={onClose}>Leave it</Button>
					<Button type="submit" kind={danger ? 'danger' : 'primary'} why={why}>{yes}</Button>
				</footer>
			</form>
		</Dialog>
	);
}
