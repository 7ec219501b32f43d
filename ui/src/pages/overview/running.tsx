import { Link } from '@tanstack/react-router';
import type { Upload } from '../../api/types';
import { Bones, Empty } from '../../shared/furniture';
import { LoadProgress } from '../loads/load_state';

const done = new Set(['completed', 'partial', 'failed']);

export function Running({ uploads }: { uploads: Upload[] | undefined }) {
  if (!uploads)
    return (
      <div style={{ padding: '0 20px' }}>
        <Bones rows={3} />
      </div>
    );
  const now = uploads.filter((u) => !done.has(u.state));
  if (now.length === 0)
    return (
      <Empty
        title="Nothing is loading"
        actions={
          <Link className="link" to="/loads">
            Load a file
          </Link>
        }
      />
    );
  return (
    <table className="plain">
      <thead className="visually-hidden">
        <tr>
          <th>File</th>
          <th>Progress</th>
        </tr>
      </thead>
      <tbody>
        {now.slice(0, 5).map((u) => (
          <tr key={u.id}>
            <td>
              <Link className="clip" to="/loads/$id" params={{ id: String(u.id) }} style={{ maxWidth: 240 }}>
                {u.file_name}
              </Link>
            </td>
            <td style={{ width: '45%' }}>
              <LoadProgress upload={u} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
