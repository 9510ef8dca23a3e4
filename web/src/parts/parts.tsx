// The small parts that all pages are put together from.

import { useState, type ReactNode } from "react";

import type { Json } from "../data/types";
import { text } from "../data/format";
import { links } from "../router";

export function Page(props: {
  title: ReactNode;
  trail?: { text: string; href: string }[];
  side?: ReactNode;
  children: ReactNode;
}): React.JSX.Element {
  return (
    <main className="page" id="main" tabIndex={-1}>
      <header className="page-head">
        <div>
          {props.trail && (
            <nav className="trail" aria-label="Where this page stands">
              {props.trail.map((step) => (
                <span key={step.href}>
                  <a href={step.href}>{step.text}</a> /
                </span>
              ))}
            </nav>
          )}
          <h1>{props.title}</h1>
        </div>
        {props.side && <div className="page-side">{props.side}</div>}
      </header>
      {props.children}
    </main>
  );
}

export function Card(props: { title?: string; children: ReactNode; side?: ReactNode }): React.JSX.Element {
  return (
    <section className="card">
      {props.title && (
        <header className="card-head">
          <h2>{props.title}</h2>
          {props.side}
        </header>
      )}
      {props.children}
    </section>
  );
}

export function Problem({ text: what }: { text: string }): React.JSX.Element {
  return (
    <div className="problem" role="alert">
      {what}
    </div>
  );
}

export function Loading(): React.JSX.Element {
  return (
    <div className="loading" aria-busy="true">
      Loading…
    </div>
  );
}

export function Empty(props: { title: string; children: ReactNode }): React.JSX.Element {
  return (
    <div className="empty">
      <h3>{props.title}</h3>
      {props.children}
    </div>
  );
}

export interface Column<T> {
  title: string;
  cell: (row: T) => ReactNode;
  kind?: "number" | "wide";
}

export function Table<T>(props: {
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string;
  label: string;
}): React.JSX.Element {
  return (
    <div className="table-scroll">
      <table aria-label={props.label}>
        <thead>
          <tr>
            {props.columns.map((column) => (
              <th key={column.title} scope="col" className={column.kind ?? ""}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row) => (
            <tr key={props.id(row)}>
              {props.columns.map((column) => (
                <td key={column.title} className={column.kind ?? ""}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const LONG = 30; // characters; longer facts get a line of their own
const S3 = /^s3:\/\/([^/]+)\/?(.*)$/;

// A leaf of JSON; S3 addresses lead to the storage page.
export function Leaf({ value }: { value: Json | undefined }): React.JSX.Element {
  if (typeof value === "string") {
    const s3 = S3.exec(value);
    if (s3) {
      const key = s3[2] ?? "";
      const folder = key === "" || key.endsWith("/") ? key : key.slice(0, key.lastIndexOf("/") + 1);
      return (
        <a className="s3" href={links.bucket(s3[1] ?? "", folder)}>
          {value}
        </a>
      );
    }
    if (value === "") return <span className="faint">empty</span>;
    return <span className={value.length > LONG ? "long" : ""}>{value}</span>;
  }
  if (value === null || value === undefined) return <span className="faint">–</span>;
  return <span className="mono">{text(value)}</span>;
}

export function Facts({ items }: { items: [string, ReactNode][] }): React.JSX.Element {
  return (
    <dl className="facts">
      {items.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function structured(value: Json): Json {
  if (typeof value === "string" && /^\s*[[{]/.test(value)) {
    try {
      return JSON.parse(value) as Json;
    } catch {
      return value;
    }
  }
  return value;
}

// Parameters: scalars on one line, objects and lists (also when they come as JSON text) laid out.
export function Parameters({ values, empty }: { values: { [name: string]: Json }; empty: string }): React.JSX.Element {
  const names = Object.keys(values);
  if (names.length === 0) return <p className="faint">{empty}</p>;
  return (
    <dl className="parameters">
      {names.map((name) => {
        const value = structured(values[name] ?? null);
        const big = value !== null && typeof value === "object" && Object.keys(value).length > 0;
        return (
          <div key={name} className={big ? "big" : ""}>
            <dt>{name}</dt>
            <dd>{big ? <pre>{JSON.stringify(value, null, 2)}</pre> : <Leaf value={value} />}</dd>
          </div>
        );
      })}
    </dl>
  );
}

export function Raw({ value, title }: { value: Json; title: string }): React.JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <details className="raw" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{title}</summary>
      {open && <pre>{JSON.stringify(value, null, 2)}</pre>}
    </details>
  );
}

export function Copy({ value }: { value: string }): React.JSX.Element {
  const [done, setDone] = useState(false);
  return (
    <button
      className="copy"
      aria-label="Copy"
      title={done ? "Copied" : "Copy"}
      onClick={() => {
        void navigator.clipboard?.writeText(value).then(() => {
          setDone(true);
          setTimeout(() => setDone(false), 1500);
        });
      }}
    >
      <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">
        {done ? <path d="M2.5 7.5l3 3 6-7" /> : <path d="M5 4.5h6.5v7H5zM2.5 9.5v-7H9" />}
      </svg>
    </button>
  );
}
