// The chain of evidence: for each image who signed what about it, verified again when asked.
import { useState } from 'preact/hooks';
import type { EvidenceAnswer, EvidenceItem } from '../../api/deliver';
import { read } from '../../api/client';
import { useQuery } from '../../api/hooks';
import type { Release } from '../../api/types';
import { Button, Digest, Failure, Skeleton } from '../../ui/basics';
import { plural, serverNow, shortDigest } from '../../ui/format';
import { Icon } from '../../ui/icon';
import { Ago } from '../../ui/time';
import { announce } from '../../ui/toast';
import { Panel } from '../shared/bits';
import { useFew } from '../shared/list';
import { evidenceName, statementOf, statementText, verifySummary } from './model';

const order: Record<string, number> = { 'build ci': 0, 'tests ci': 1, 'tests staging': 2, 'decision gate': 3 };
const rank = (e: EvidenceItem) => order[`${e.type} ${e.stage}`] ?? 9;

function Statement({ item }: { item: EvidenceItem }) {
	const [open, setOpen] = useState(false);
	const checked = item.verified;
	const tone = checked ? (checked.ok ? 'ok' : 'bad') : 'idle';
	return (
		<li class={`link tone-${tone}`}>
			<span class="link-mark">{checked ? <Icon name={checked.ok ? 'passed' : 'failed'} label={checked.ok ? 'verified' : 'not verified'} /> : <Icon name="shield" label="not checked in this view" />}</span>
			<div class="link-text">
				<p><strong>{evidenceName(item)}</strong> <span class="muted">{statementText(item)}</span></p>
				{checked && !checked.ok && <p class="link-why">{checked.why ?? 'It does not verify.'}</p>}
				<p class="link-keys">
					<span>key {item.signer ? <Digest value={`sha256:${item.signer}`} label="Copy the id of the signer's key" /> : 'unknown'}</span>
					<span>envelope <Digest value={`sha256:${item.envelope}`} label="Copy the envelope's digest" /></span>
					{item.body && <button type="button" class="as-link" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? 'Hide the statement' : 'Show the statement'}</button>}
				</p>
				{open && <pre class="statement" tabIndex={0} aria-label={`${evidenceName(item)}, the signed statement`}>{JSON.stringify(statementOf(item.body), null, 2)}</pre>}
			</div>
		</li>
	);
}

export function Evidence({ release }: { release: Release }) {
	const path = `/releases/${encodeURIComponent(release.id)}/evidence`;
	const { data, problem } = useQuery<EvidenceAnswer>(path);
	const [checked, setChecked] = useState<{ answer: EvidenceAnswer; at: number }>();
	const [busy, setBusy] = useState(false);
	const [failure, setFailure] = useState<unknown>();
	const verify = async () => {
		setBusy(true);
		setFailure(undefined);
		try {
			const answer = (await read<EvidenceAnswer>(`${path}?verify=1`)).data;
			if (answer) {
				setChecked({ answer, at: serverNow() });
				const sum = verifySummary(answer.evidence ?? []);
				announce(sum.bad ? `${sum.bad} of ${sum.all} statements do not verify` : `All ${sum.all} statements verify`);
			}
		} catch (reason) {
			setFailure(reason);
		}
		setBusy(false);
	};
	// What was checked goes by the envelope: one that came later was not.
	const results = new Map((checked?.answer.evidence ?? []).map((e) => [`${e.image} ${e.envelope}`, e.verified]));
	const items = (data?.evidence ?? []).map((e) => {
		const verified = results.get(`${e.image} ${e.envelope}`);
		return verified ? { ...e, verified } : e;
	});
	const images = [...new Set(items.map((e) => e.image))];
	const wrong = (image: string) => items.some((e) => e.image === image && (e.problem || e.verified?.ok === false));
	const few = useFew([...images.filter(wrong), ...images.filter((i) => !wrong(i))], 4, 'images'); // what does not verify is never among the rest
	const sum = verifySummary(items);
	const unitOf = (image: string) => release.items?.find((i) => i.image === image)?.unit ?? 'image';
	return (
		<Panel
			title="Chain of evidence" note={items.length ? plural(items.length, 'signed statement') : null}
			tools={items.length > 0 && <Button small icon="shield" why={busy ? 'It is being verified' : undefined} onClick={() => void verify()}>{busy ? 'Verifying' : 'Verify now'}</Button>}
		>
			{problem && <Failure problem={problem} />}
			{failure !== undefined && <Failure problem={failure} retry={() => void verify()} />}
			{!data && !problem && <Skeleton lines={3} />}
			{data && items.length === 0 && <p class="muted">No statement yet: each passed stage signs what it saw about each image.</p>}
			{checked && sum.ok + sum.bad > 0 && (
				<p class={`verify-sum tone-${sum.bad ? 'bad' : 'ok'}`}>
					<Icon name={sum.bad ? 'failed' : 'passed'} size={14} />
					{sum.bad ? `${plural(sum.bad, 'statement')} of ${sum.all} ${sum.bad === 1 ? 'does' : 'do'} not verify: do not let this release through before you know why.` : `${sum.ok} of ${plural(sum.all, 'statement')} verified against the trusted keys and the images' digests`}
					<span class="muted"><Ago at={checked.at} /></span>
				</p>
			)}
			<div class="chains">
				{few.shown.map((image) => (
					<section key={image} class="chain" aria-label={`Evidence for ${unitOf(image)}`}>
						<h3>{unitOf(image)} <code title={image}>{shortDigest(image)}</code></h3>
						<ol>{items.filter((e) => e.image === image).sort((a, b) => rank(a) - rank(b)).map((e) => <Statement key={e.envelope} item={e} />)}</ol>
					</section>
				))}
				{few.more}
			</div>
		</Panel>
	);
}
