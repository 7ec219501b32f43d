import type { AnswerDifferences, ModelFile, Promotion } from '../../api/types';
import { bytes, count, moment, plural } from '../../shared/format';
import { Scroll } from '../../shared/furniture';

/** What the two uploaded files are made of. */
export function Files({ left, right }: { left: ModelFile; right: ModelFile }) {
  const rows: [string, (f: ModelFile) => string, string?][] = [
    ['Format', (f) => f.format],
    ['Prediction from margin', (f) => f.output],
    ['Trees', (f) => count(f.trees)],
    ['Leaves', (f) => count(f.leaves)],
    ['Depth, longest way', (f) => count(f.depth)],
    ['Depth, mean over leaves', (f) => f.leaf_depth.toFixed(1)],
    ['Features', (f) => count(f.features)],
    ['Values of a prediction', (f) => count(f.outputs)],
    ['Size', (f) => bytes(f.bytes)],
    ['SHA-256', (f) => f.sha256.slice(0, 12), 'mono'],
  ];
  return (
    <section>
      <h3 className="section" style={{ padding: '0 20px' }}>
        The files{left.sha256 === right.sha256 && ' are the same, byte for byte'}
      </h3>
      <Scroll label="Files side by side">
        <table className="plain">
          <thead>
            <tr>
              <th>
                <span className="visually-hidden">What</span>
              </th>
              <th className="right">Left</th>
              <th className="right">Right</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([label, value, style]) => {
              const unlike = value(left) !== value(right);
              return (
                <tr key={label}>
                  <td>{label}</td>
                  {[left, right].map((f, i) => (
                    <td
                      key={i}
                      className={`right number ${style ?? ''} ${unlike ? 'strong' : 'muted'}`}
                      title={style ? f.sha256 : undefined}
                    >
                      {value(f)}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

export function Promotions({ of }: { of: Promotion[] }) {
  if (of.length === 0) return <>never</>;
  const by = (who: string | null) => (who ? `, by ${who}` : '');
  return (
    <ul style={{ margin: 0, padding: 0, listStyle: 'none' }}>
      {of.map((p) => (
        <li key={p.at}>
          <span title={p.at}>
            {moment(p.at)}
            {by(p.by)}
          </span>
          {p.undone_at && (
            <span className="muted" title={p.undone_at}>
              {' '}
              – rolled back {moment(p.undone_at)}
              {by(p.undone_by)}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

const size = (v: number) => (v === 0 ? '0' : v >= 0.001 && v < 1e6 ? v.toPrecision(3) : v.toExponential(2));

/** How far apart the answers to the same requests were, while one is the other's shadow. */
export function Answers({ a }: { a: AnswerDifferences }) {
  return (
    <section style={{ padding: '0 20px' }}>
      <h3 className="section">Answers to the same requests</h3>
      <dl className="facts">
        <dt>Rows that both answered</dt>
        <dd>{count(a.rows)}</dd>
        <dt>Of them with another answer</dt>
        <dd>{count(a.differing)}</dd>
        <dt>Difference, mean</dt>
        <dd>{size(a.mean_difference)}</dd>
        <dt>Difference, largest</dt>
        <dd>{size(a.max_difference)}</dd>
      </dl>
      <p className="faint" style={{ margin: '8px 0 0' }}>
        Counted by the prediction service that answered this, since it holds both.
        {a.failed > 0 && ` The shadow could not answer ${plural(a.failed, 'request')}.`}
      </p>
    </section>
  );
}
