import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Database, Scale } from 'lucide-react';
import { get } from '../../api/client';
import type { List, Overview, Upload } from '../../api/types';
import { useSession } from '../../app/session';
import { count, day, money, month, plural, share, to_number } from '../../shared/format';
import { Bones, Card, Empty, PageHead, Tile, Tiles, Trouble } from '../../shared/furniture';
import { Findings } from './findings';
import { IndexChart } from './index_chart';
import { Movers } from './movers';
import { OffUsual } from './off_usual';
import { Running } from './running';

export function OverviewPage() {
  const overview = useQuery({ queryKey: ['overview'], queryFn: () => get<Overview>('/overview') });
  const { user } = useSession();
  const o = overview.data;
  return (
    <>
      <PageHead
        title="Overview"
        text={o ? `Prices known until ${day(o.as_of)}` : `Good to see you, ${user.name || user.email}`}
      >
        <Button component={Link} to="/loads" variant="default" leftSection={<Database size={15} />}>
          Load prices
        </Button>
        <Button component={Link} to="/judge" leftSection={<Scale size={15} />}>
          Judge a proposal
        </Button>
      </PageHead>
      {overview.error ? (
        <Trouble error={overview.error} retry={() => overview.refetch()} />
      ) : !o ? (
        <OverviewBones />
      ) : o.observations === 0 ? (
        <Nothing />
      ) : (
        <Body o={o} />
      )}
    </>
  );
}

function OverviewBones() {
  return (
    <div className="stack">
      <div className="card">
        <div className="body" style={{ height: 66 }}>
          <Bones rows={2} />
        </div>
      </div>
      <div className="card" style={{ height: 360 }}>
        <div className="body">
          <Bones rows={8} />
        </div>
      </div>
    </div>
  );
}

function Nothing() {
  return (
    <Card>
      <Empty
        icon={<Database size={30} strokeWidth={1.5} />}
        title="No prices yet"
        actions={
          <Button component={Link} to="/loads">
            Load a file
          </Button>
        }
      >
        Load past bids, quotes or purchase orders as CSV or XLSX. Fair prices follow within a minute.
      </Empty>
    </Card>
  );
}

function Body({ o }: { o: Overview }) {
  const found = o.latest_findings.reduce((sum, f) => sum + Math.max(0, to_number(f.excess) ?? 0), 0);
  const open = o.latest_findings.filter((f) => (to_number(f.excess) ?? 0) > 0).length;
  return (
    <div className="stack">
      <Tiles>
        <Tile
          label="Money found"
          value={money(found, o.currency, 'compact')}
          full={money(found, o.currency, 'full')}
          hint={`over fair in ${plural(open, 'proposal')}`}
        />
        <Tile
          label="Spend known"
          value={money(o.spend, o.currency, 'compact')}
          full={money(o.spend, o.currency, 'full')}
          hint={plural(o.events, 'event')}
        />
        <Tile label="Prices" value={count(o.observations)} hint={`until ${month(o.as_of)}`} />
        <Tile label="Items" value={count(o.items)} />
        <Tile label="Suppliers" value={count(o.suppliers)} />
        <Tile
          label="Waiting for you"
          value={count(o.open_matches + o.open_quarantine)}
          hint={
            <Link className="link" to={o.open_matches ? '/loads/review' : '/loads'}>
              {plural(o.open_matches, 'match', 'matches')}, {plural(o.open_quarantine, 'row')} set aside
            </Link>
          }
        />
      </Tiles>
      <div className="grid wide">
        <Card title="Your prices against the market" aside="like for like, first month = 100">
          {o.index.length > 1 ? (
            <IndexChart index={o.index} />
          ) : (
            <Empty title="Not enough months yet">An index needs items bought in at least two months.</Empty>
          )}
        </Card>
        <Card title="Latest findings" flush>
          <Findings findings={o.latest_findings} currency={o.currency} />
        </Card>
      </div>
      <div className="grid two">
        <Card title="Top movers" aside="last 12 months" flush>
          <Movers movers={o.top_movers} currency={o.currency} />
        </Card>
        <Card title="Suppliers off their usual" aside="against fair" flush>
          <OffUsual rows={o.suppliers_off_usual} />
        </Card>
      </div>
      <div className="grid two">
        <Card title="Loads in progress" flush>
          <LoadsNow n={o.uploads_in_progress} />
        </Card>
        <ModelCard model={o.model} />
      </div>
    </div>
  );
}

function LoadsNow({ n }: { n: number }) {
  const uploads = useQuery({
    queryKey: ['uploads'],
    queryFn: () => get<List<Upload>>('/uploads'),
    refetchInterval: n > 0 ? 2000 : false,
  });
  return <Running uploads={uploads.data?.data} />;
}

function ModelCard({ model }: { model: Overview['model'] }) {
  if (!model)
    return (
      <Card title="Price model">
        <Empty title="No model yet">Fair prices come from like-for-like percentiles until a model is trained.</Empty>
      </Card>
    );
  return (
    <Card
      title="Price model"
      aside={
        <Link className="link" to="/models">
          Version {model.version}
        </Link>
      }
    >
      <dl className="facts">
        <dt>90 % interval covers</dt>
        <dd className="strong">{share(model.coverage, 1)}</dd>
        <dt>Typical error against the low bid</dt>
        <dd className="strong">{share(model.mdape_low, 1)}</dd>
        <dt>Typical error of the buyer's own estimate</dt>
        <dd>{share(model.mdape_estimate, 1)}</dd>
        <dt>Learned from prices until</dt>
        <dd title={model.trained_until ?? undefined}>{day(model.trained_until)}</dd>
      </dl>
    </Card>
  );
}
