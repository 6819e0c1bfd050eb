import type { AnyEvent } from "./events.ts";

/** The names of the built-in events. Any other name is welcome too, with whatever attributes. */
export type EventName = AnyEvent["event_name"];

/** What an event of this name may say. */
export type Attributes<Name extends string> = Name extends EventName
  ? NonNullable<Extract<AnyEvent, { event_name: Name }>["attributes"]>
  : Record<string, unknown>;

/** The attributes and details of a call: the attributes may be left out where none is needed. */
export type Told<Name extends string, More> =
  {} extends Attributes<Name>
    ? [attributes?: Attributes<Name> | null, more?: More]
    : [attributes: Attributes<Name>, more?: More];
