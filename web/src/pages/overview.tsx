import { paths } from "../data/api";
import { useLive, useNow } from "../data/live";
import type { Overview as Data } from "../data/types";
import { Card, Empty, Loading, Page, Problem } from "../parts/parts";
import { isUnderWay, stateClass, stateWord } from "../parts/state";
import { links } from "../router";
import { allKinds } from "./kinds";
import { HowToRun, RunTable } from "./runs";

export function Overview(): React.JSX.Element {
  const { data, error } = useLive<Data>(paths.overview(), () => true);
  const now = useNow(data?.runs.some((run) => isUnderWay(run.state)) ?? false);
  return (
    <Page title="Overview">
      {error && <Problem text={error} />}
      {!data && !error && <Loading />}
      {data && (
        <>
          <Card title="Latest runs" side={data.runs.length > 0 && <a href="#/runs">All runs</a>}>
            {data.runs.length > 0 ? (
              <RunTable runs={data.runs} now={now} />
            ) : (
              <Empty title="No runs yet">
                <HowToRun />
              </Empty>
            )}
          </Card>
          <Card title="SageMaker">
            <div className="tiles">
              {allKinds().map((kind) => {
                const counts = Object.entries(data.counts[kind.kind] ?? {});
                const total = counts.reduce((sum, [, n]) => sum + n, 0);
                return (
                  <a className="tile" key={kind.kind} href={links.resources(kind.slug)}>
                    <b>{total}</b>
                    <span>{total === 1 ? kind.singular : kind.plural}</span>
                    <span className="tile-states">
                      {counts
                        .filter(([status]) => status !== "")
                        .map(([status, n]) => (
                          <span key={status} className={`dotted ${stateClass(status)}`}>
                            {n} {stateWord(status).toLowerCase()}
                          </span>
                        ))}
                    </span>
                  </a>
                );
              })}
            </div>
          </Card>
        </>
      )}
    </Page>
  );
}
