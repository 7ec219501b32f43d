import { useQuery } from '@tanstack/react-query';
import { get } from '../../api/client';
import type { Quality, Upload } from '../../api/types';
import { count, share } from '../../shared/format';
import { Card } from '../../shared/furniture';

function as_share(score: number): number {
  return score > 1 ? score / 100 : score;
}

export function QualityReport({ upload }: { upload: Upload }) {
  const asked = useQuery({
    queryKey: ['quality', upload.id],
    queryFn: () => get<Quality>(`/uploads/${upload.id}/quality`),
    initialData: upload.quality ?? undefined,
    retry: false,
  });
  const q = asked.data;
  if (!q?.dimensions) return null;
  return (
    <Card
      title="Quality of the file"
      aside={
        <span className="strong">
          {q.grade} · {share(as_share(q.score))}
        </span>
      }
    >
      <div className="stack" style={{ gap: 12 }}>
        {q.dimensions.map((d) => (
          <div
            key={d.name}
            style={{
              display: 'grid',
              gridTemplateColumns: 'minmax(90px, 150px) minmax(60px, 1fr) 56px',
              gap: '2px 16px',
              alignItems: 'center',
            }}
          >
            <span style={{ textTransform: 'capitalize' }}>{d.name.replace(/_/g, ' ')}</span>
            <span className="bar">
              <i style={{ width: share(as_share(d.score)).replace(' ', '') }} />
            </span>
            <span className="number right">{share(as_share(d.score))}</span>
            {d.lost_cells > 0 && (
              <span className="faint" style={{ gridColumn: '1 / -1' }}>
                {count(d.lost_cells)} cells{d.examples.length ? `, such as ${d.examples.slice(0, 3).join(', ')}` : ''}
              </span>
            )}
          </div>
        ))}
      </div>
    </Card>
  );
}
