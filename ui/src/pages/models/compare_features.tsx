import { CircleMinus, CirclePlus } from 'lucide-react';
import { useState } from 'react';
import type { ComparedFeature, ComparedFeatures } from '../../api/types';
import { count, plural, share } from '../../shared/format';
import { Scroll, ShowAll } from '../../shared/furniture';

const most = 20;
const in_order = new Intl.Collator('en', { numeric: true }).compare;
const words = (kind: string) => kind.replaceAll('_', ' ');

/** Which features came, went and stayed; of uploaded models also what the trees ask them for. */
export function Features({ f }: { f: ComparedFeatures }) {
  const used = f.list.some((one) => one.left || one.right);
  return (
    <section style={{ paddingBottom: 16 }}>
      <h3 className="section" style={{ padding: '0 20px' }}>
        Features
      </h3>
      {!f.known ? (
        <p className="muted flat" style={{ padding: '0 20px' }}>
          At least one of the two did not keep a list of its features.
        </p>
      ) : (
        <>
          <p className="flat" style={{ padding: '0 20px' }}>
            {f.added + f.removed === 0
              ? `The same ${plural(f.kept, 'feature')}.`
              : `${count(f.added)} added, ${count(f.removed)} removed, ${count(f.kept)} kept.`}
          </p>
          {used ? <Uses f={f} /> : <Names f={f} />}
        </>
      )}
    </section>
  );
}

/** Those that differ, by what they are about; those that stayed on demand. */
function Names({ f }: { f: ComparedFeatures }) {
  const [all, set_all] = useState(false);
  const of = (change: string) => f.list.filter((one) => one.change === change);
  return (
    <div className="stack" style={{ gap: 10, padding: '10px 20px 0' }}>
      <Group title="Added, only right" features={of('added')} />
      <Group title="Removed, only left" features={of('removed')} />
      {f.kept > 0 && (
        <>
          <button type="button" className="link" aria-expanded={all} onClick={() => set_all(!all)}>
            {all ? 'Hide those in both' : `Show the ${count(f.kept)} in both`}
          </button>
          {all && <Group title="Kept, in both" features={of('kept')} />}
        </>
      )}
    </div>
  );
}

function Group({ title, features }: { title: string; features: ComparedFeature[] }) {
  if (features.length === 0) return null;
  const kinds = [...new Set(features.map((one) => one.kind))].sort();
  return (
    <div>
      <h4 className="faint" style={{ margin: '0 0 2px', fontWeight: 500 }}>
        {title}
      </h4>
      {kinds.map((kind) => (
        <p key={kind} className="flat" style={{ overflowWrap: 'anywhere' }}>
          {kind && <span className="muted">{words(kind)}: </span>}
          {features
            .filter((one) => one.kind === kind)
            .map((one) => one.name)
            .sort(in_order)
            .join(', ')}
        </p>
      ))}
    </div>
  );
}

function Uses({ f }: { f: ComparedFeatures }) {
  const [all, set_all] = useState(false);
  const rows = all ? f.list : f.list.slice(0, most);
  const gains = f.list.some((one) => one.left?.gain != null || one.right?.gain != null);
  return (
    <>
      <p className="faint" style={{ margin: '2px 0 8px', padding: '0 20px' }}>
        {gains
          ? 'Gain: its share of all that splits gained in training. Splits: how many of them ask for it.'
          : 'The files do not say what splits gained. Splits: how many of them ask for it.'}
      </p>
      <Scroll label="Features side by side">
        <table className="plain">
          <thead>
            <tr>
              <th rowSpan={2}>Feature</th>
              {gains && (
                <th colSpan={2} scope="colgroup" className="right">
                  Gain
                </th>
              )}
              <th colSpan={2} scope="colgroup" className="right">
                Splits
              </th>
            </tr>
            <tr>
              {(gains ? ['gain', 'splits'] : ['splits']).map((of) =>
                ['Left', 'Right'].map((side) => (
                  <th key={of + side} className="right">
                    {side}
                  </th>
                )),
              )}
            </tr>
          </thead>
          <tbody>
            {rows.map((one) => (
              <tr key={one.name}>
                <td style={{ minWidth: 120, overflowWrap: 'anywhere' }}>
                  {one.name} <Change of={one.change} />
                </td>
                {gains && <td className="right number">{share(one.left?.gain, 1)}</td>}
                {gains && <td className="right number">{share(one.right?.gain, 1)}</td>}
                <td className="right number muted">{count(one.left?.splits)}</td>
                <td className="right number muted">{count(one.right?.splits)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {f.list.length > most && (
        <div style={{ padding: '10px 20px 0' }}>
          <ShowAll all={all} set={set_all}>
            Show {count(f.list.length)} features
          </ShowAll>
        </div>
      )}
      {all && f.added + f.removed + f.kept > f.list.length && (
        <p className="faint" style={{ margin: '6px 0 0', padding: '0 20px' }}>
          {count(f.added + f.removed + f.kept - f.list.length)} more, of which the trees make less use, are not listed.
        </p>
      )}
    </>
  );
}

function Change({ of }: { of: string }) {
  if (of === 'kept') return null;
  const Icon = of === 'added' ? CirclePlus : CircleMinus;
  return (
    <span className={`chip ${of === 'added' ? 'accent' : 'unknown'}`} style={{ marginLeft: 6 }}>
      <Icon size={13} aria-hidden /> {of}
    </span>
  );
}
