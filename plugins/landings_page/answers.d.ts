// The shapes of what the page's server answers (days.py, web.py), for `./landfall check`; no browser loads this file.

export type Child = Node | string | false | null | undefined;
export type Children = Child | Child[];
export type Attributes = Record<string, any>; // `on`: listeners by the event's name

export type State = "landed" | "landed_failed" | "red" | "running" | "missing" | "skipped" | "not_run" | "changed" | "not_due";
export type Place = "source" | "topic" | "spark" | "hdfs";
export type Figure = string | number;

// api/customers
export interface Customers {
  user: string;
  customers: Customer[];
}

export interface Customer {
  customer: string;
  description: string;
  wrong: string | null; // what is wrong with the contract
  dag_id: string;
  may_trigger: boolean;
}

// api/customers/<customer>/days
export interface Days {
  customer: string;
  newest: string | null;
  days: Record<string, Cell>;
  not_right: NotRight[];
}

export interface Cell {
  state: State;
  landed?: { published: number; landed: number; quarantined: number; has_warnings: boolean };
  seen?: boolean;
}

// also api/customers/<customer>/changed
export interface NotRight {
  state: "red" | "landed_failed" | "missing" | "changed";
  first: string;
  last: string;
  days: number;
  reason: string;
}

// A row of the calendar: the customer, and what the server has answered about it so far.
export interface Row extends Customer {
  answer: Days | null;
  changed: NotRight[];
  failure: string | null; // why there is no answer
  waiting: boolean;
}

// api/customers/<customer>/days/<day>
export interface Day {
  customer: string;
  day: string;
  state: State;
  run_id: string | null;
  dag_id: string;
  receipt: Receipt | null;
  failure: { run_id: string; receipt: Failed; seen: { by: string; at: string } | null } | null;
  in_force: (Receipt & { run_id: string; published: number; quarantined: number }) | null;
  figures: string[];
  landings: number;
  tasks: Task[];
  reports: string[];
}

// A landing's, or as much as a run has come to; figures stand beside these fields.
export interface Receipt {
  published: number | null;
  quarantined: number | null;
  conservation?: Partial<Record<Place, Record<string, Figure>>> | null;
  warnings?: string[] | null;
  source?: string[] | null;
  bytes: number;
  sha256: string;
  committed_at?: string | null;
  run_id?: string;
  [figure: string]: any;
}

export interface Failed extends Receipt {
  failed_task?: string;
  reason?: string;
  problems: string[];
}

export interface Task {
  task: string;
  state: string | null;
  duration: number | null;
  try_number: number;
}

// api/customers/<customer>/days/<day>/quarantine
export interface Reason {
  reason: string;
  records: number;
  examples: { record: number; keen_id: string | null; detail: string | null; value: string }[];
}

// What to ask Airflow's REST API for.
export interface Wanted {
  path: string;
  body: unknown;
}

// api/customers/<customer>/backfill
export interface Extent extends Wanted {
  days: number;
  seconds: number | null; // null: no run has succeeded yet
  at_once: number;
}

// What the buttons of a day do.
export interface DayActions {
  mayTrigger: boolean;
  started: () => void;
  changed: () => unknown; // somebody has seen a failure
  backfill?: (customer: string, first: string, last: string, started: () => void) => void;
  seen?: () => unknown;
}
