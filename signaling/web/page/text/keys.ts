// Made from en.json by `npm run keys`.

export interface Texts {
  'basic.again': null;
  'basic.text': null;
  'basic.title': null;
  'joining.text': null;
  'joining.title': null;
  'linkLife.over': null;
  'linkLife.soon': { button: string | number };
  'name.after': null;
  'name.continue': null;
  'name.hint': null;
  'name.label': null;
  'name.text': null;
  'name.textObserver': null;
  'name.title': null;
  'newLink.inSession': null;
  'newLink.no': null;
  'newLink.title': null;
  'newLink.waiting': null;
  'newLink.yes': null;
  'phone.button': null;
  'phone.line': { phone: string | number };
  'title.check': { place: string | number };
  'title.checkSound': { place: string | number };
  'title.ended': { place: string | number };
  'title.joining': { place: string | number };
  'title.name': { place: string | number };
  'title.session': { place: string | number };
  'title.start': { place: string | number };
  'title.waiting': { place: string | number };
  'top.agreement': null;
  'top.check': null;
  'top.done': null;
  'top.name': null;
  'top.steps': null;
  'top.waiting': null;
}
