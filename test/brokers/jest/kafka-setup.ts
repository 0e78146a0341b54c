import { setUp } from './runs';

export = () => setUp('kafka');
