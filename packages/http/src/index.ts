export type { HttpHandler } from './http-handler';
