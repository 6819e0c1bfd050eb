export type { Attributes, EventName } from "./catalogue.ts";
export { AnalyticsClient, type VoiceMetrics } from "./client.ts";
export type * from "./events.ts";
export { init } from "./init.ts";
export type { DataPoint, Details, Options, Source } from "./options.ts";
export type { Receipt } from "./verdict.ts";
