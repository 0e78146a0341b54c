import { type IncomingMessage, type ServerResponse } from 'node:http';
import { type Position, toToken } from '@tidemark/core';
import { AssignmentChange, NewAssignment } from './assignment';
import { jsonBody } from './json-body';
import { assignments, type Reader } from './y-rows';
import { type AssignmentStore, type Written } from './y-store';

/**
 * Y's CRUD API: `GET /assignments?media=…`, `POST /assignments`, and `GET`, `PUT`, `DELETE` of `/assignments/<id>`. A write
 * answers with the header `tidemark-position`: where in the log it is told.
 */
export function assignmentsApi(store: AssignmentStore, reader: Reader) {
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const { status, body, position } = await answerTo(req, store, reader);
    if (position !== undefined) res.setHeader('tidemark-position', toToken(position));
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly position?: Position | undefined;
}

async function answerTo(req: IncomingMessage, store: AssignmentStore, reader: Reader): Promise<Answer> {
  const url = new URL(req.url ?? '/', 'http://y');
  const id = decodeURIComponent(url.pathname.split('/')[2] ?? '');
  switch (`${req.method ?? ''} ${id === '' ? 'all' : 'one'}`) {
    case 'GET all':
      return { status: 200, body: [...assignments(reader, url.searchParams.get('media'))] };
    case 'GET one': {
      const assignment = store.get(id);
      return assignment === undefined ? notFound : { status: 200, body: assignment };
    }
    case 'POST all': {
      const wanted = await jsonBody(req, NewAssignment);
      if (wanted === undefined) return refused(400, 'this is no assignment');
      const created = store.create(wanted);
      return created === undefined ? refused(409, 'that id is taken') : written(201, created);
    }
    case 'PUT one': {
      const change = await jsonBody(req, AssignmentChange);
      if (change === undefined) return refused(400, 'this is no change of an assignment');
      return written(200, store.change(id, change));
    }
    case 'DELETE one':
      return written(200, store.cancel(id));
    default:
      return refused(405, 'assignments are created, read, changed and cancelled');
  }
}

const written = (status: number, done: Written | undefined): Answer =>
  done === undefined ? notFound : { status, body: done.assignment, position: done.position };

const refused = (status: number, error: string): Answer => ({ status, body: { error } });

const notFound = refused(404, 'there is no such assignment');
