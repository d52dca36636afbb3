// Pins, vetoes and holds: placed with an end and a reason, and lifted again.
import { useState } from 'preact/hooks';
import { write } from '../../api/client';
import type { Environment, Mark } from '../../api/types';
import { Button, Failure } from '../../ui/basics';
import { Confirm, Dialog } from '../../ui/dialog';
import { ago, exact, person, serverNow, shortDigest } from '../../ui/format';
import type { IconName } from '../../ui/icon';
import { toast } from '../../ui/toast';
import { endOf, ends } from './ends';

export type MarkKind = 'pin' | 'veto' | 'hold';
export const markPlural = { pin: 'pins', veto: 'vetoes', hold: 'holds' } as const;
export const markIcon: Record<MarkKind, IconName> = { pin: 'flag', veto: 'cancelled', hold: 'hold' };
export const markTone: Record<MarkKind, string> = { pin: 'kept', veto: 'bad', hold: 'wait' };
const does: Record<MarkKind, string> = {
	hold: 'Nothing moves: rollouts under way keep the traffic they have, new ones wait. Harm is still taken back.',
	pin: 'The service stays at this version. What comes later waits until the pin is lifted or over.',
	veto: 'This digest never comes in, until the veto is lifted or over. It changes nothing about what is live.',
};

export interface MarkOf {
	kind: MarkKind;
	mark: Mark;
}
export function marksOf(env: Environment | undefined): MarkOf[] {
	if (!env) return [];
	return [
		...(env.holds ?? []).map((mark) => ({ kind: 'hold' as const, mark })),
		...(env.pins ?? []).map((mark) => ({ kind: 'pin' as const, mark })),
		...(env.vetoes ?? []).map((mark) => ({ kind: 'veto' as const, mark })),
	].filter((m) => !m.mark.until || m.mark.until > serverNow());
}
export function markText({ kind, mark }: MarkOf): string {
	const what = kind === 'hold' ? `${mark.unit ?? 'Everything'} is on hold` : kind === 'pin' ? `${mark.unit} is pinned to ${shortDigest(mark.image ?? '')}` : `${mark.unit ? `${mark.unit} ` : ''}${shortDigest(mark.image ?? '')} is vetoed`;
	return `${what}${mark.actor ? ` by ${person(mark.actor)}` : ''}${mark.until ? ` until ${exact(mark.until)} (${ago(mark.until, serverNow())})` : ', until it is lifted'}${mark.reason ? `: ${mark.reason}` : ''}`;
}

export interface Place {
	kind: MarkKind;
	environment: string;
	unit?: string | undefined; // fixed
	units: string[];
	image?: string | undefined;
}
export function PlaceMark({ place, onClose }: { place: Place; onClose: () => void }) {
	const { kind, environment } = place;
	const [unit, setUnit] = useState(place.unit ?? (kind === 'hold' ? '' : (place.units[0] ?? '')));
	const [image, setImage] = useState(place.image ?? '');
	const [end, setEnd] = useState(kind === 'hold' ? '4h' : '');
	const [at, setAt] = useState('');
	const [reason, setReason] = useState('');
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<unknown>();
	const until = endOf(end, at, Date.now());
	const why = busy ? 'It is being done' : typeof until === 'string' ? until : kind === 'veto' && !image.trim() ? 'Say which digest' : !reason.trim() ? 'Say why first: others will ask' : undefined;
	const submit = async (event: Event) => {
		event.preventDefault();
		if (why || typeof until === 'string') return;
		setBusy(true);
		setProblem(undefined);
		try {
			await write('POST', `/environments/${encodeURIComponent(environment)}/${markPlural[kind]}`, { ...(unit ? { unit } : {}), ...(image.trim() ? { image: image.trim() } : {}), ...until, reason: reason.trim() });
			toast(`${{ hold: 'On hold', pin: 'Pinned', veto: 'Vetoed' }[kind]}: ${unit || environment}`);
			onClose();
		} catch (failure) {
			setProblem(failure);
			setBusy(false);
		}
	};
	return (
		<Dialog title={{ hold: `Hold in ${environment}`, pin: `Pin a version in ${environment}`, veto: `Veto a version in ${environment}` }[kind]} onClose={onClose}>
			<form class="form" onSubmit={submit}>
				<p class="dialog-text">{does[kind]}</p>
				<label class="field">
					<span>Service</span>
					<select value={unit} disabled={place.unit !== undefined} onChange={(e) => setUnit(e.currentTarget.value)}>
						{kind === 'hold' && <option value="">all of {environment}</option>}
						{[...new Set([...(place.unit ? [place.unit] : []), ...place.units])].map((u) => <option key={u} value={u}>{u}</option>)}
					</select>
				</label>
				{kind !== 'hold' && (
					<label class="field">
						<span>Version <span class="field-note">a digest, its beginning, or a release that holds it{kind === 'pin' ? '; empty: what is live now' : ''}</span></span>
						<input type="text" spellcheck={false} autocomplete="off" value={image} onInput={(e) => setImage(e.currentTarget.value)} />
					</label>
				)}
				<fieldset class="field radios-field">
					<legend>It ends</legend>
					<div class="segments segments-wrap">
						{ends.map((o) => <button key={o.value} type="button" class="segment" aria-pressed={o.value === end} onClick={() => setEnd(o.value)}>{o.label}</button>)}
					</div>
					{end === 'at' && <input type={'datetime-local' as 'text'} class="datetime" aria-label="Ends at, your local time" value={at} onInput={(e) => setAt(e.currentTarget.value)} />}
				</fieldset>
				<label class="field">
					<span>Why (others see it wherever they are stopped by it)</span>
					<textarea rows={2} maxLength={4000} value={reason} onInput={(e) => setReason(e.currentTarget.value)} />
				</label>
				{problem !== undefined && <Failure problem={problem} />}
				<footer class="dialog-foot">
					<Button onClick={onClose}>Leave it</Button>
					<Button type="submit" kind={kind === 'veto' ? 'danger' : 'primary'} why={why}>{{ hold: 'Hold', pin: 'Pin', veto: 'Veto' }[kind]}</Button>
				</footer>
			</form>
		</Dialog>
	);
}

export function LiftMark({ environment, of, onClose }: { environment: string; of: MarkOf; onClose: () => void }) {
	return (
		<Confirm
			title={`Lift the ${of.kind}`} yes="Lift it" onClose={onClose}
			text={<><p>{markText(of)}</p><p>{of.kind === 'veto' ? 'The same digest may come in again. When it did harm once, it will do so again.' : 'What waited for it goes on at once.'}</p></>}
			act={async () => {
				await write('DELETE', `/environments/${encodeURIComponent(environment)}/${markPlural[of.kind]}/${encodeURIComponent(of.mark.id)}`);
				toast(`The ${of.kind} is lifted`);
			}}
		/>
	);
}

export interface Back {
	environment: string;
	production: boolean;
	unit: string;
	image?: string | undefined; // undefined: the version before
	live?: string | undefined;
	release?: string | undefined;
}
export function RollBack({ back, onClose }: { back: Back; onClose: () => void }) {
	const { environment, unit, image } = back;
	return (
		<Confirm
			title={`Return ${unit} to ${image ? shortDigest(image) : 'the version before'}`} yes={`Return it in ${environment}`} danger onClose={onClose} needsComment
			comment="Why (kept in the journal, and in the veto)" {...(back.production ? { typed: unit } : {})}
			text={
				<>
					<p>Traffic goes first: {unit} in <strong>{environment}</strong> returns {back.live && <>from <code>{shortDigest(back.live)}</code> </>}to {image ? <code>{shortDigest(image)}</code> : 'the version that was live before'}{back.release ? ` of ${back.release}` : ''} at once, without analysis.</p>
					<p>What is live now is vetoed there and the old version pinned; where penstock.yml says on_failure: rollback, its change is taken back in Git too.</p>
				</>
			}
			act={async (reason) => {
				await write('POST', `/environments/${encodeURIComponent(environment)}/rollback`, { unit, ...(image ? { image } : {}), reason });
				toast(`${unit} returns in ${environment}`);
			}}
		/>
	);
}
