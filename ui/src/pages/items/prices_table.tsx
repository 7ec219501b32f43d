import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { get } from '../../api/client';
import type { List, PriceRow } from '../../api/types';
import { day, money, money_per_unit, quantity } from '../../shared/format';
import { Bones, Empty, Scroll, Trouble } from '../../shared/furniture';

const kinds: Record<string, string> = {
  1: 'Bid',
  2: 'Own estimate',
  3: 'Quote',
  4: 'Purchase order',
  5: 'Invoice',
  6: 'Contract',
  7: 'List price',
  bid: 'Bid',
  estimate: 'Own estimate',
  quote: 'Quote',
  purchase_order: 'Purchase order',
  invoice: 'Invoice',
  contract: 'Contract',
  list: 'List price',
};

/** The evidence: every price with its date, bidder, event and the row of the file it came from. */
export function PricesTable({ id, unit, limit = 50 }: { id: string; unit: string; limit?: number }) {
  const prices = useInfiniteQuery({
    queryKey: ['prices', id, limit],
    initialPageParam: '',
    queryFn: ({ pageParam }) => get<List<PriceRow>>(`/items/${id}/prices`, { limit, cursor: pageParam }),
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  if (prices.error) return <Trouble error={prices.error} retry={() => prices.refetch()} />;
  if (!prices.data)
    return (
      <div style={{ padding: '0 20px' }}>
        <Bones rows={8} />
      </div>
    );
  const rows = prices.data.pages.flatMap((p) => p.data);
  if (rows.length === 0) return <Empty title="No prices yet" />;
  return (
    <>
      <Scroll label="Prices">
        <table className="plain">
          <thead>
            <tr>
              <th>Date</th>
              <th>Supplier</th>
              <th className="right">Price</th>
              <th className="right">Quantity</th>
              <th>Kind</th>
              <th className="right">Rank</th>
              <th>Event</th>
              <th className="right">Source</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((r, i) => (
              <tr key={i}>
                <td className="number" title={r.observed_on}>
                  {day(r.observed_on)}
                </td>
                <td>
                  {r.supplier_id ? (
                    <Link
                      className="clip"
                      style={{ maxWidth: 220 }}
                      to="/suppliers/$id"
                      params={{ id: String(r.supplier_id) }}
                    >
                      {r.supplier}
                    </Link>
                  ) : (
                    <span className="muted">Own estimate</span>
                  )}
                </td>
                <td className="right strong" title={money(r.price, r.currency, 'full')}>
                  {money_per_unit(r.price, r.currency, unit)}
                </td>
                <td className="right muted">{quantity(r.quantity)}</td>
                <td className="muted">{kinds[String(r.kind)] ?? r.kind}</td>
                <td className="right muted">{r.rank ?? '–'}</td>
                <td className="muted number">{r.event ?? '–'}</td>
                <td className="right faint">
                  {r.upload_id ? (
                    <Link className="link" to="/loads/$id" params={{ id: String(r.upload_id) }}>
                      row {r.source_row}
                    </Link>
                  ) : (
                    '–'
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {prices.hasNextPage && (
        <div style={{ padding: '8px 20px 12px' }}>
          <Button
            variant="default"
            size="xs"
            loading={prices.isFetchingNextPage}
            onClick={() => prices.fetchNextPage()}
          >
            Show more
          </Button>
        </div>
      )}
    </>
  );
}
