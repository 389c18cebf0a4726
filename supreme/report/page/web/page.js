// What needs no cell is drawn at once, then the list of cells and whatever shows one.
theme();
head();
filters();
ranks();
tables();
audits();
card();
places();
figures();
performance.mark('tables');
CELLS = await part('cells');
cellList();
drawerAddress();
search();
INSIDE = await part('inside');
classesAndImages();
performance.mark('cells');
dispatchEvent(new Event('drawn'));
