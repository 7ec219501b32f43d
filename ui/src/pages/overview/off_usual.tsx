import { Link } from '@tanstack/react-router';
import type { Overview } from '../../api/types';
import { count } from '../../shared/format';
import { Empty } from '../../shared/furniture';
import { Position } from '../../shared/position';

export function OffUsual({ rows }: { rows: Overview['suppliers_off_usual'] }) {
  if (rows.length === 0)
    return (
      <Empty title="Everybody bids as usual">A supplier appears here when recent bids leave its own pattern.</Empty>
    );
  return (
    <div className="scroll">
      <table className="plain">
        <thead>
          <tr>
            <th>Supplier</th>
            <th className="right">Bids</th>
            <th className="right">Position</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, 7).map((s) => (
            <tr key={s.supplier_id}>
              <td>
                <Link to="/suppliers/$id" params={{ id: String(s.supplier_id) }} className="clip" title={s.name}>
                  {s.name}
                </Link>
              </td>
              <td className="right muted">{count(s.bids)}</td>
              <td className="right">
                <Position value={s.position} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
